"""Is the model, as it is trained here, the model? Its log-probs against those of its own forward pass.

Log-probs are made from hidden states and the head's matrix (`policy`), and rows may be packed after each other. Both
are right for most architectures and wrong for some: logits are scaled on the way, states run on into the next row. What
a configuration says of it differs by architecture; what a batch says does not.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from builder.errors import InputError
from trainers.data.batches import Batching
from trainers.data.collate import collate
from trainers.data.rows import Row, Rows

INPUTS = ("input_ids", "position_ids", "predictors", "targets")
_ROWS = 3
_TOLERANCE = 1e-3  # nats, mean over tokens
_TOLERANCE_HALF = 0.1  # the same where 8 bits of mantissa are all there is


def probe(rows: Rows) -> list[Row]:
    """A few rows to compare, of different lengths: the shortest, one longer than a quarter of all, and one between."""
    lengths = rows.lengths
    order = sorted(range(len(rows)), key=lambda row: (lengths[row], row))
    places = torch.linspace(0, len(order) // 4, _ROWS).long().tolist()
    return [rows[order[place]] for place in dict.fromkeys(places)]


@torch.no_grad()
def deviation(model: nn.Module, rows: Sequence[Row], batching: Batching | None) -> Tensor:
    """How far log-probs are from those of the model's own forward pass on each row alone.

    Args:
        model: prepared by `policy.deliver_logprobs`, however wrapped.
        rows: to compare.
        batching: how rows are put together; None for each alone.

    Returns:
        Mean absolute difference over completion tokens, nats; infinite where a log-prob is no number.
    """
    device = next(model.parameters()).device
    own = torch.cat([_own_logprobs(model, row, device) for row in rows])
    batches = [collate(rows, batching)] if batching else [collate([row], "bucketed") for row in rows]
    ours = torch.cat([model(**{name: batch[name].to(device) for name in INPUTS})[0] for batch in batches])
    return (ours.float() - own).abs().mean().nan_to_num(nan=torch.inf)


def _own_logprobs(model: nn.Module, row: Row, device: torch.device) -> Tensor:
    ids = collate([row], "bucketed")["input_ids"].to(device)
    first, last = len(row.prompt_ids) - 1, ids.shape[1] - 1
    logits = model(input_ids=ids, use_cache=False).logits[0, first:last].float()
    return logits.log_softmax(-1).gather(1, ids[0, first + 1 :, None])[row.learned, 0]


def settle(
    measure: Callable[[Batching | None], float], wanted: Batching, may_change: bool, half: bool, name: str
) -> tuple[Batching, str | None]:
    """The way of putting rows together that is right for the model.

    Args:
        measure: what `deviation` says of a way, the same on all ranks.
        wanted: the way that would be taken.
        may_change: whether another one may be taken instead.
        half: whether the model computes in 16 bits.
        name: of the model's class.

    Returns:
        That way, and what to tell the user if it is not the wanted one.

    Raises:
        InputError: the model's log-probs are not its own, or not the way that the user demands.
    """
    limit = _TOLERANCE_HALF if half else _TOLERANCE
    differs = "its log-probs differ by {:.2g} nats a token from those of its own forward pass".format
    off = measure(wanted)
    if off <= limit:
        return wanted, None
    if (alone := measure(None)) > limit:
        raise InputError(f"{name} cannot be trained here: {differs(alone)}, so its head is more than one matrix")
    other: Batching = "bucketed" if wanted == "packed" else "packed"
    if measure(other) > limit:
        raise InputError(f"{name} cannot be trained here: {differs(off)} as soon as rows are put together")
    if not may_change:
        raise InputError(f"--batching {wanted} is wrong for {name}: {differs(off)}; --batching {other} is right")
    return other, f"--batching {other}, since {wanted} is wrong for {name}: {differs(off)}"
