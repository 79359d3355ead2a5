import math

import pytest
import torch

from trainers.losses import LOSSES, Options, Tokens, evaluate

NAN = float("nan")
# Two sequences, of two tokens and of three; the second was written by the expert.
P = torch.tensor([0.5, 0.8, 0.1, 0.9, 0.25])
B = torch.tensor([0.25, 0.8, NAN, NAN, NAN])
REF = torch.tensor([0.4, 0.8, 0.05, 0.9, 0.5])
SEQUENCE = torch.tensor([0, 0, 1, 1, 1])
NLL = -P.log()


def tokens(p=P):
    return Tokens(p.log(), B.log(), REF.log(), SEQUENCE)


def at(name, **options):
    return evaluate(LOSSES[name], tokens(), Options(**options))


def assert_close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=torch.float32))


def test_sft_weighs_every_token_alike():
    assert_close(at("sft").terms, NLL)
    assert_close(at("sft").weights, torch.ones(5))


def test_dft_weighs_by_the_policys_probability():
    assert_close(at("dft").terms, P * NLL)
    assert_close(at("dft").weights, P)


def test_chord_weighs_by_indecision():
    assert_close(at("chord").terms, P * (1 - P) * NLL)
    assert_close(at("chord").weights, P * (1 - P))


def test_importance_sampling_divides_by_what_drew_the_token():
    weights = torch.tensor([2.0, 1.0, 0.1, 0.9, 0.25])  # unknown denominators count as 1: DFT's weight
    assert_close(at("importance_sampling").weights, weights)
    assert_close(at("importance_sampling").terms, weights * NLL)


@pytest.mark.parametrize(
    ("rule", "expert_weights"),
    [("one", [0.1, 0.9, 0.25]), ("policy", [2.0, 1.0, 0.5]), ("skip", [0.0, 0.0, 0.0])],
)
def test_the_rule_for_unknown_denominators(rule, expert_weights):
    assert_close(at("importance_sampling", null_denominator=rule).weights, [2.0, 1.0, *expert_weights])


def test_a_clipped_weight_is_counted():
    clipped = at("importance_sampling", clip=1.5)
    assert_close(clipped.weights, [1.5, 1.0, 0.1, 0.9, 0.25])
    assert clipped.clipped.tolist() == [True, False, False, False, False]
    assert not at("importance_sampling").clipped.any()
    assert not at("sft", clip=0.5).clipped.any()  # only importance weights are clipped


def test_importance_sampling_on_the_policys_own_rows_starts_as_sft():
    own = Tokens(P.log(), P.log(), P.log(), SEQUENCE)
    assert_close(evaluate(LOSSES["importance_sampling"], own, Options()).weights, torch.ones(5))


def test_iw_sft_has_one_weight_a_sequence():
    first, second = 0.5 / 0.4, (0.1 * 0.9 * 0.25) / (0.05 * 0.9 * 0.5)
    weights = torch.tensor([first, first, second, second, second])
    assert_close(at("iw_sft").weights, weights)
    assert_close(at("iw_sft").terms, weights * NLL)
    assert_close(at("iw_sft", clip=1.1).weights, [1.1, 1.1, second, second, second])


def test_psft_stops_pushing_up_beyond_the_trust_region_only():
    ratio = P / REF  # 1.25, 1, 2, 1, 0.5
    assert_close(at("psft", epsilon=0.3).terms, [-1.25, -1.0, -1.3, -1.0, -0.5])
    assert_close(at("psft", epsilon=0.3).weights, torch.where(ratio > 1.3, torch.zeros(5), ratio))
    assert at("psft", epsilon=0.3).clipped.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_heeds_the_options_that_it_names_and_no_others(name):
    others = {"clip": 0.5, "null_denominator": "skip", "epsilon": 0.01, "anchor": 3.0}
    before = at(name)
    heeded = {
        option for option, value in others.items() if not torch.equal(at(name, **{option: value}).terms, before.terms)
    }
    assert heeded == LOSSES[name].options - {"self_normalize"}  # which happens to a step, not to its terms


def test_asft_adds_a_penalty_that_vanishes_at_the_starting_policy():
    ratio = P / REF
    assert_close(at("asft_k3", anchor=0.5).terms, P * NLL + 0.5 * (ratio - 1 - ratio.log()))
    assert_close(at("asft_k3", anchor=0.5).weights, P - 0.5 * (ratio - 1))
    start = Tokens(REF.log(), B.log(), REF.log(), SEQUENCE)
    assert_close(evaluate(LOSSES["asft_k3"], start, Options()).terms, evaluate(LOSSES["dft"], start, Options()).terms)


def test_asfts_penalty_is_the_kl_divergence_on_average_over_the_starting_policys_own_tokens():
    before, now = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.5, 0.3])
    every = Tokens(now.log(), torch.full((3,), NAN), before.log(), torch.arange(3))
    penalty = (
        evaluate(LOSSES["asft_k3"], every, Options(anchor=1.0)).terms - evaluate(LOSSES["dft"], every, Options()).terms
    )
    kl = (before * (before / now).log()).sum()
    assert_close((before * penalty).sum(), kl)


@pytest.mark.parametrize("name", LOSSES)
def test_the_objective_has_the_value_of_the_terms_and_their_gradient(name):
    options = Options(epsilon=0.3, clip=1.5)
    direct = tokens().logprobs.requires_grad_()
    LOSSES[name].terms(Tokens(direct, B.log(), REF.log(), SEQUENCE), options).sum().backward()
    ours = tokens().logprobs.requires_grad_()
    evaluated = evaluate(LOSSES[name], Tokens(ours, B.log(), REF.log(), SEQUENCE), options)
    objective = evaluated.objective(ours)
    objective.sum().backward()
    assert_close(objective.detach(), evaluated.terms)
    assert_close(ours.grad, direct.grad)


@pytest.mark.parametrize("name", LOSSES)
def test_no_tokens_and_no_gradients_are_fine(name):
    none = torch.empty(0)
    with torch.no_grad():
        nothing = evaluate(LOSSES[name], Tokens(none, none, none, none.long()), Options())
        assert nothing.terms.sum() == 0
        assert math.isfinite(evaluate(LOSSES[name], tokens(), Options()).terms.sum())
