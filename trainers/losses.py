"""The losses: pure functions over the log-probs of completion tokens. This file is the method; all else feeds it.

Every loss answers one term a token, `[tokens]`, in nats. `training.trainer` adds the terms of an optimizer step up over
all micro-batches and ranks and divides once, by the step's global number of completion tokens.

To add a loss, write one function and one line in `LOSSES`, with the options that it heeds; it then has a name on the
command line (`python -m trainers.train --loss NAME`), statistics in the log, and its place in the tests of gradients.

Notation: π is the policy in training, π_0 the policy before training (the one that wrote D′), b the distribution that
really drew the completion, p = π(y_t | x, y_<t), sg = stop-gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

NullDenominator = Literal["one", "policy", "skip"]


@dataclass(frozen=True)
class Tokens:
    """What a loss sees of a micro-batch: its completion tokens, all rows after each other.

    Attributes:
        logprobs: `[tokens]` log π(y_t | x, y_<t), nats, fp32, with gradient.
        behavior: `[tokens]` log b(y_t), nats; NaN where it is unknown (expert text).
        reference: `[tokens]` log π_0(y_t | x, y_<t), nats; NaN where it is unknown (text that was never scored).
        sequence: `[tokens]` number of the row within the micro-batch that each token belongs to.
    """

    logprobs: Tensor
    behavior: Tensor
    reference: Tensor
    sequence: Tensor

    @property
    def probs(self) -> Tensor:
        """`[tokens]` p, without gradient: what the token weights are made of."""
        return self.logprobs.detach().exp()


@dataclass(frozen=True)
class Options:
    """What a loss leaves open.

    Attributes:
        clip: upper bound of an importance weight (truncated importance sampling); None for no bound.
        null_denominator: the denominator where b is unknown: `one` (the weight is p, as in DFT), `policy` (π_0, so that
            the weight starts at 1, as in SFT), or `skip` (the weight is 0: the row is not trained on).
        self_normalize: divide importance weights by their mean over the optimizer step.
        epsilon: how far PSFT lets p move away from π_0, as a share.
        anchor: ASFT's factor λ on the KL divergence.
    """

    clip: float | None = None
    null_denominator: NullDenominator = "one"
    self_normalize: bool = False
    epsilon: float = 0.2
    anchor: float = 0.05

    def unclipped(self) -> "Options":
        """The same without any clipping."""
        return replace(self, clip=None, epsilon=float("inf"))


def sft(t: Tokens, o: Options) -> Tensor:
    """−log p: supervised fine-tuning, every token weighs the same."""
    return -t.logprobs


def dft(t: Tokens, o: Options) -> Tensor:
    """−sg(p) log p: dynamic fine-tuning (Wu et al. 2025); Zhao et al. 2025, equation 5, with π_mix ≈ 1."""
    return -t.probs * t.logprobs


def importance_sampling(t: Tokens, o: Options) -> Tensor:
    """−sg(p / b) log p: importance sampling (Zhao et al. 2025) with its true denominator, the behavior log-probs."""
    return -_clipped((t.logprobs.detach() - _denominator(t, o)).exp(), o) * t.logprobs


def iw_sft(t: Tokens, o: Options) -> Tensor:
    """−sg(π(y | x) / π_0(y | x)) log p, one weight a sequence (Qin & Springenberg 2025: iw-SFT).

    Their auxiliary distribution q is the policy itself here, without a lag, and their reference is π_0.
    """
    ratio = _sum_by_sequence(t.logprobs.detach() - t.reference, t.sequence).exp()
    return -_clipped(ratio, o)[t.sequence] * t.logprobs


def psft(t: Tokens, o: Options) -> Tensor:
    """−min(r, clip(r, 1 − ε, 1 + ε)) with r = p / π_0: proximal SFT (Zhu et al. 2025), PPO's surrogate at advantage 1.

    Their old policy moves along with training; ours is π_0 throughout, so ε bounds how far all of training may go.
    """
    ratio = (t.logprobs - t.reference).exp()
    return -torch.minimum(ratio, ratio.clamp(1 - o.epsilon, 1 + o.epsilon))


def asft_k3(t: Tokens, o: Options) -> Tensor:
    """DFT with an anchor: −sg(p) log p + λ (r − 1 − log r), r = p / π_0 (after Zhu et al. 2025: anchored SFT).

    ASFT's anchor is KL(π_0 ‖ π) over the whole vocabulary and takes a second model in memory. This is its estimate from
    the token at hand and the stored log-probs alone: never negative, 0 at π = π_0, unbiased for tokens that π_0 drew
    (self-alignment at temperature 1), and merely a penalty on drift for others.
    """
    log_ratio = t.logprobs - t.reference
    return dft(t, o) + o.anchor * (log_ratio.exp() - 1 - log_ratio)


def chord(t: Tokens, o: Options) -> Tensor:
    """−sg(p (1 − p)) log p: learn where the policy is undecided (Zhang et al. 2025: the φ of CHORD-φ)."""
    return -t.probs * (1 - t.probs) * t.logprobs


@dataclass(frozen=True)
class Loss:
    """A loss and what it takes.

    Attributes:
        terms: the function: completion tokens and options to loss terms, `[tokens]`, nats.
        needs_reference: it is undefined where π_0 is unknown.
        options: names in `Options` that it heeds; `self_normalize` is for importance weights alone.
    """

    terms: Callable[[Tokens, Options], Tensor]
    needs_reference: bool = False
    options: frozenset[str] = frozenset()


LOSSES: dict[str, Loss] = {
    "sft": Loss(sft),
    "dft": Loss(dft),
    "importance_sampling": Loss(importance_sampling, options=frozenset({"clip", "null_denominator", "self_normalize"})),
    "iw_sft": Loss(iw_sft, needs_reference=True, options=frozenset({"clip", "self_normalize"})),
    "psft": Loss(psft, needs_reference=True, options=frozenset({"epsilon"})),
    "asft_k3": Loss(asft_k3, needs_reference=True, options=frozenset({"anchor"})),
    "chord": Loss(chord),
}


@dataclass(frozen=True)
class Evaluated:
    """A loss at the tokens of a micro-batch, without gradient.

    Attributes:
        terms: `[tokens]` nats.
        weights: `[tokens]` minus the derivative of the sum of terms by a token's log-prob: what ∇ log p is multiplied
            by. 1 everywhere for SFT, p for DFT; the same definition for every loss.
        clipped: `[tokens]` whether the weight would be another one without clipping.
    """

    terms: Tensor
    weights: Tensor
    clipped: Tensor

    def objective(self, logprobs: Tensor) -> Tensor:
        """`[tokens]`, the terms in value and −weight · ∇ log p in gradient: what to add up and go backward from."""
        return self.terms - self.weights * (logprobs - logprobs.detach())


def evaluate(loss: Loss, tokens: Tokens, options: Options) -> Evaluated:
    """The loss terms and token weights at the policy's present log-probs; works without gradients, too."""
    terms, weights = _terms_and_weights(loss, tokens, options)
    free = weights if options == options.unclipped() else _terms_and_weights(loss, tokens, options.unclipped())[1]
    return Evaluated(terms, weights, free != weights)


def _terms_and_weights(loss: Loss, tokens: Tokens, options: Options) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        logprobs = tokens.logprobs.detach().requires_grad_()
        terms = loss.terms(replace(tokens, logprobs=logprobs), options)
        (slope,) = torch.autograd.grad(terms.sum(), logprobs)
    return terms.detach(), -slope


def _denominator(t: Tokens, o: Options) -> Tensor:
    otherwise = {
        "one": torch.zeros_like(t.behavior),
        "policy": t.reference,
        "skip": torch.full_like(t.behavior, float("inf")),
    }[o.null_denominator]
    return torch.where(t.behavior.isnan(), otherwise, t.behavior)


def _clipped(weights: Tensor, o: Options) -> Tensor:
    return weights if o.clip is None else weights.clamp(max=o.clip)


def _sum_by_sequence(values: Tensor, sequence: Tensor) -> Tensor:
    """`[tokens]` to `[sequences]`."""
    count = int(sequence[-1]) + 1 if len(sequence) else 0
    return values.new_zeros(count).index_add(0, sequence, values)
