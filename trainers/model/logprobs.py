"""Log-probs straight from hidden states, a chunk of tokens at a time: `[tokens, vocabulary]` never exists as a whole.

The forward pass keeps one number a token (the log-partition) and the last chunk's probabilities; the backward pass
begins with these and computes each other chunk's logits again. At a vocabulary of 128,256 that is one more matrix
product in exchange for gigabytes: the fp32 logits of 2,048 tokens are 1.05 GB, and the usual implementations hold
several such tensors at once.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

_CHUNK_BYTES = 1 << 27  # of one chunk's fp32 logits
_LEAST_TOKENS = 64  # below that, matrix products are inefficient


def token_logprobs(hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int | None = None) -> tuple[Tensor, Tensor]:
    """Log-prob of each target and entropy of each distribution under `softmax(hidden @ weight.T)`.

    Logits are computed in the dtype of `hidden` (autocast's where it is on), everything after them in fp32.

    Args:
        hidden: `[tokens, hidden]`, the states that predict the targets.
        weight: `[vocabulary, hidden]` of the language-model head.
        targets: `[tokens]` token ids.
        chunk: tokens whose logits exist at a time; the default keeps them at 128 MiB in fp32.

    Returns:
        `[tokens]` log-probs with gradient, and `[tokens]` entropies without, both fp32, in nats.
    """
    device = hidden.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
    chunk = chunk or max(_LEAST_TOKENS, _CHUNK_BYTES // (4 * weight.shape[0]))
    with torch.autocast(device, enabled=False):
        return _TokenLogprobs.apply(hidden.to(dtype), weight, targets, chunk)


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
        matrix = weight.to(hidden.dtype)
        logprobs = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        entropy, partition = torch.empty_like(logprobs), torch.empty_like(logprobs)
        probs = None
        for part in _slices(len(hidden), chunk):
            logits = (hidden[part] @ matrix.T).float()
            chosen = logits.gather(1, targets[part, None])[:, 0]
            highest = logits.amax(dim=1, keepdim=True)
            shifted = logits.sub_(highest)
            mass = shifted.exp()
            total = mass.sum(dim=1)
            partition[part] = highest[:, 0] + total.log()
            logprobs[part] = chosen - partition[part]
            entropy[part] = total.log() - torch.einsum("tv,tv->t", mass, shifted) / total
            probs = mass.div_(total[:, None]) if any(ctx.needs_input_grad) else None
        # The last chunk is where the backward pass begins: its probabilities need not be computed again.
        ctx.probs = probs
        ctx.save_for_backward(hidden, matrix, targets, partition)
        ctx.chunk, ctx.weight_dtype = chunk, weight.dtype
        ctx.mark_non_differentiable(entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx: FunctionCtx, slope: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, matrix, targets, partition = ctx.saved_tensors
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        # Chunks add up in fp32: rounding every partial sum to bf16 would lose what the split has to keep.
        of_weight = torch.zeros_like(matrix, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        scaled = hidden * slope[:, None].to(hidden.dtype)
        for part in reversed(_slices(len(hidden), ctx.chunk)):
            # d log p(y) / d logits = onehot(y) − softmax; `slope` joins in where it multiplies the fewest numbers
            probs, ctx.probs = ctx.probs, None
            if probs is None:
                probs = (hidden[part] @ matrix.T).float().sub_(partition[part, None]).exp_()
            of_logits = probs.scatter_add_(1, targets[part, None], probs.new_full((len(probs), 1), -1.0))
            of_logits = of_logits.to(hidden.dtype)
            del probs
            if of_hidden is not None:
                of_hidden[part] = (of_logits @ matrix).mul_(-slope[part, None])
            if of_weight is None:
                continue
            if of_weight.dtype == hidden.dtype:
                of_weight.addmm_(of_logits.T, scaled[part], alpha=-1)
            else:
                of_weight -= of_logits.T @ scaled[part]
        return of_hidden, None if of_weight is None else of_weight.to(ctx.weight_dtype), None, None


def _slices(total: int, size: int) -> list[slice]:
    """Chunks of `size`, the first of them what remains: the last one is full."""
    ends = range(total, 0, -size)
    return [slice(max(0, end - size), end) for end in reversed(ends)]
