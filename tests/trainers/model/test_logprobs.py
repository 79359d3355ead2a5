import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from trainers.model.logprobs import token_logprobs

HIDDEN, VOCABULARY, TOKENS = 16, 97, 23


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    hidden = torch.randn(TOKENS, HIDDEN, requires_grad=True)
    weight = torch.randn(VOCABULARY, HIDDEN, requires_grad=True)
    return hidden, weight, torch.randint(VOCABULARY, (TOKENS,))


def full(hidden, weight, targets):
    logprobs = torch.log_softmax((hidden @ weight.T).float(), dim=-1)
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    return logprobs.gather(1, targets[:, None])[:, 0], entropy


@pytest.mark.parametrize("chunk", [1, 5, TOKENS, 1000, None])
def test_values_and_gradients_are_those_of_the_full_softmax(inputs, chunk):
    hidden, weight, targets = inputs
    slope = torch.randn(TOKENS)
    expected, expected_entropy = full(hidden, weight, targets)
    expected_grads = torch.autograd.grad(expected, (hidden, weight), slope)
    logprobs, entropy = token_logprobs(hidden, weight, targets, chunk)
    torch.testing.assert_close(logprobs, expected)
    torch.testing.assert_close(entropy, expected_entropy)
    assert not entropy.requires_grad
    for ours, theirs in zip(torch.autograd.grad(logprobs, (hidden, weight), slope), expected_grads, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradients_are_numerically_right():
    torch.manual_seed(0)
    hidden = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 4, 2])
    loose = {"eps": 1e-2, "atol": 1e-3, "rtol": 1e-2}  # log-probs are fp32
    assert torch.autograd.gradcheck(lambda h, w: token_logprobs(h, w, targets, 2)[0], (hidden, weight), **loose)


def test_a_frozen_head_gets_no_gradient(inputs):
    hidden, weight, targets = inputs
    token_logprobs(hidden, weight.detach(), targets, 7)[0].sum().backward()
    (expected,) = torch.autograd.grad(full(hidden, weight, targets)[0].sum(), hidden)
    torch.testing.assert_close(hidden.grad, expected)


@pytest.mark.parametrize("autocast", [False, True])
def test_bf16_is_as_good_as_the_full_softmax_in_bf16(inputs, autocast):
    hidden, weight, targets = inputs
    exact, _ = full(hidden, weight, targets)
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            logprobs, _ = token_logprobs(hidden, weight, targets, 4)
    else:
        logprobs, _ = token_logprobs(hidden.bfloat16(), weight.bfloat16(), targets, 4)
    rounded, _ = full(hidden.bfloat16(), weight.bfloat16(), targets)
    assert logprobs.dtype == torch.float32
    assert (logprobs - exact).abs().max() <= 1.5 * (rounded - exact).abs().max()
    logprobs.sum().backward()
    assert hidden.grad.dtype == weight.grad.dtype == torch.float32


class _Largest(TorchDispatchMode):
    """Remembers the most elements that any operation returned in one tensor."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


def test_full_logits_never_exist(inputs):
    hidden, weight, targets = inputs
    with _Largest() as seen:
        token_logprobs(hidden, weight, targets, 4)[0].sum().backward()
    assert seen.elements <= max(4 * VOCABULARY, weight.numel()) < TOKENS * VOCABULARY


def test_no_tokens_still_reach_every_parameter(inputs):
    hidden, weight, _ = inputs
    logprobs, entropy = token_logprobs(hidden[:0], weight, torch.empty(0, dtype=torch.long))
    assert len(logprobs) == len(entropy) == 0
    logprobs.sum().backward()
    assert not hidden.grad.any()
    assert not weight.grad.any()
