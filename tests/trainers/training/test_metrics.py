import pytest
import torch

from trainers.losses import Evaluated
from trainers.training.metrics import peak_memory_gib, summarize, table


def step(weights, clipped=None, probs=(0.5, 0.25, 0.5, 1.0), times=(1.0, 1.0, 1.0, 1.0)):
    logprobs, weights = torch.tensor(probs).log(), torch.tensor(weights)
    evaluated = Evaluated(-weights * logprobs, weights, torch.tensor(clipped or [False] * len(weights)))
    return table(logprobs, torch.tensor([1.0, 2.0, 3.0, 2.0]), evaluated, torch.tensor(times))


def test_the_figures_of_a_step():
    figures = summarize(step([1.0, 1.0, 2.0, 0.0], [False, False, True, False]))
    half, quarter = torch.log(torch.tensor([2.0, 4.0])).tolist()
    assert figures["nll"] == pytest.approx((2 * half + quarter) / 4)
    assert figures["loss"] == pytest.approx((half + quarter + 2 * half) / 4)
    assert figures["probability"] == pytest.approx(2.25 / 4)
    assert figures["entropy"] == 2.0
    assert (figures["weight_mean"], figures["weight_p50"], figures["weight_max"]) == (1.0, 1.0, 2.0)
    assert figures["effective_sample_size"] == pytest.approx(16 / 6 / 4)
    assert figures["clip_fraction"] == 0.25
    assert figures["completion_tokens"] == 4


def test_equal_weights_use_every_token_and_one_weight_uses_one():
    assert summarize(step([0.3, 0.3, 0.3, 0.3]))["effective_sample_size"] == pytest.approx(1)
    assert summarize(step([0.0, 7.0, 0.0, 0.0]))["effective_sample_size"] == pytest.approx(0.25)
    assert summarize(step([0.0, 0.0, 0.0, 0.0]))["effective_sample_size"] == 0


def test_a_row_of_weight_2_counts_as_two_rows():
    weighted = summarize(step([1.0, 1.0, 2.0, 0.0], [False, False, True, False], times=(1.0, 1.0, 2.0, 1.0)))
    one = step([1.0, 1.0, 2.0, 0.0], [False, False, True, False])
    twice = summarize(torch.cat([one, one[:, 2:3]], dim=1))
    assert weighted.pop("completion_tokens") == 4
    for name in ("loss", "nll", "probability", "entropy", "weight_mean", "effective_sample_size", "clip_fraction"):
        assert weighted[name] == pytest.approx(twice[name], rel=1e-6), name


def test_self_normalized_weights_count_by_their_share():
    plain, normalized = (summarize(step([4.0, 4.0, 8.0, 0.0]), self_normalize=flag) for flag in (False, True))
    assert normalized["loss"] == pytest.approx(plain["loss"] / 4)


def test_memory_is_counted_in_gib():
    assert 0.01 < peak_memory_gib(torch.device("cpu")) < 1000
