import math

import pytest
import torch

from builder.engines.sampling import draw

PROBS = [0.1, 0.5, 0.0, 0.15, 0.25]


def drawn(u: float, temperature: float = 1.0, top_p: float = 1.0) -> tuple[int, float]:
    tokens, logprobs = draw(
        torch.tensor([PROBS]).log(),
        torch.tensor([temperature]),
        torch.tensor([top_p]),
        torch.tensor([u], dtype=torch.float64),
    )
    return tokens.item(), logprobs.item()


@pytest.mark.parametrize(
    ("u", "token"),
    [(0.0, 0), (0.0999, 0), (0.1001, 1), (0.5999, 1), (0.6001, 3), (0.7501, 4), (math.nextafter(1, 0), 4)],
)
def test_inverse_cdf_in_the_order_of_the_vocabulary(u, token):
    assert drawn(u) == (token, pytest.approx(math.log(PROBS[token]), abs=1e-6))


def test_temperature_changes_the_distribution_and_the_reported_logprob():
    squared = [p * p for p in PROBS]  # temperature 0.5
    probability = squared[1] / sum(squared)
    assert drawn(0.5, temperature=0.5) == (1, pytest.approx(math.log(probability), abs=1e-6))


def test_top_p_keeps_the_smallest_set_that_holds_the_mass_and_renormalizes():
    # 0.5 alone is short of 0.6; with 0.25 it holds it. Tokens 0 and 3 are never drawn.
    assert {drawn(u / 100, top_p=0.6)[0] for u in range(100)} == {1, 4}
    assert drawn(0.99, top_p=0.6)[1] == pytest.approx(math.log(0.25 / 0.75), abs=1e-6)
    assert drawn(0.99, top_p=0.01) == (1, pytest.approx(0.0, abs=1e-6))


def test_at_temperature_0_it_is_the_likeliest_token_with_its_logprob_at_temperature_1():
    found = {drawn(u / 10, temperature=0.0, top_p=top_p) for u in range(10) for top_p in (1.0, 0.6)}
    assert found == {(1, torch.tensor(PROBS).log().log_softmax(0)[1].item())}


def test_a_token_without_probability_is_never_drawn_at_either_end():
    logits = torch.full((2, 4), -math.inf)
    logits[:, 1] = 0.0
    ones = torch.ones(2)
    tokens, logprobs = draw(logits, ones, ones, torch.tensor([0.0, math.nextafter(1, 0)], dtype=torch.float64))
    assert tokens.tolist() == [1, 1]
    assert logprobs.tolist() == [0.0, 0.0]


def test_frequencies_follow_the_distribution():
    rows = 20_000
    uniform = torch.rand(rows, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tokens, _ = draw(torch.tensor([PROBS]).log().expand(rows, -1), torch.ones(rows), torch.ones(rows), uniform)
    found = torch.bincount(tokens, minlength=5) / rows
    assert torch.allclose(found, torch.tensor(PROBS), atol=0.015)  # more than 4 standard deviations


def test_rows_with_their_own_parameters_do_not_touch_each_other():
    logits = torch.tensor([PROBS, PROBS]).log()
    uniform = torch.tensor([0.99, 0.99], dtype=torch.float64)
    tokens, logprobs = draw(logits, torch.tensor([1.0, 0.5]), torch.tensor([0.6, 1.0]), uniform)
    alone = [drawn(0.99, top_p=0.6), drawn(0.99, temperature=0.5)]
    assert list(zip(tokens.tolist(), logprobs.tolist(), strict=True)) == alone
