"""Drawing tokens: every row by its own uniform numbers, with the log-prob of what it drew."""

import torch


def draw(
    logits: torch.Tensor, temperature: torch.Tensor, top_p: torch.Tensor, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token a row by inverse CDF, over the vocabulary in its own order.

    A row's draw depends on its logits and its uniform number alone, not on the other rows. The vocabulary is not
    sorted for the draw: a sorted order flips with rounding noise between near-equal tokens, this one does not.
    At temperature 0 it is the likeliest token, the first of equal ones, with its log-prob at temperature 1, as in vLLM.

    Args:
        logits: `[rows, vocabulary]`, fp32.
        temperature: `[rows]`, 0 or above.
        top_p: `[rows]`, nucleus mass in (0, 1].
        uniform: `[rows]`, fp64, in [0, 1).

    Returns:
        Token ids `[rows]`, and their log-probs `[rows]` in nats under the distribution that was drawn from.
    """
    greedy = temperature == 0
    logprobs = torch.log_softmax(logits / temperature.masked_fill(greedy, 1.0)[:, None], dim=-1)
    top_p = top_p.masked_fill(greedy, 1.0)
    if bool((top_p < 1).any()):
        logprobs = torch.log_softmax(_nucleus(logprobs, top_p), dim=-1)
    cdf = logprobs.exp().to(torch.float64).cumsum(dim=-1)
    # Strictly below the total, so that rounding never lands behind the last token that has any probability.
    point = torch.minimum(uniform * cdf[:, -1], cdf[:, -1] * (1 - 1e-15))
    tokens = torch.searchsorted(cdf, point[:, None], right=True)
    tokens = torch.where(greedy[:, None], logprobs.argmax(dim=-1, keepdim=True), tokens)
    return tokens[:, 0], logprobs.gather(1, tokens)[:, 0]


def _nucleus(logprobs: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """-inf outside the smallest set of tokens that holds `top_p` of the mass; the most likely one always stays."""
    descending, order = logprobs.sort(dim=-1, descending=True, stable=True)
    probs = descending.exp()
    before = probs.cumsum(dim=-1) - probs
    outside = (before >= top_p[:, None]) & (top_p < 1)[:, None]
    outside[:, 0] = False
    return logprobs.masked_fill(outside.scatter(1, order, outside), float("-inf"))
