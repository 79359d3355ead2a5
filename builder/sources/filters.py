"""Which rows cannot be trained on, or cannot be verified: pure, given a tokenizer and a verifier."""

from collections.abc import Callable, Sequence

from builder.sources.rows import RejectedRow, RejectReason, SourceRow


def reject(row: SourceRow, reason: RejectReason, detail: str) -> RejectedRow:
    """Leave a row out, with the reason."""
    return RejectedRow(row.row, row.id, row.source, reason, detail, row.problem, row.expert_solution)


def overlong(
    rows: Sequence[SourceRow], count_tokens: Callable[[SourceRow], int], max_length: int
) -> tuple[list[SourceRow], list[RejectedRow]]:
    """Split off the rows whose plain prompt and expert solution together exceed `max_length` tokens.

    A row that is as long as that is kept.
    """
    kept, rejected = [], []
    for row in rows:
        tokens = count_tokens(row)
        if tokens > max_length:
            detail = f"{tokens:,} tokens of prompt and expert solution, at most {max_length:,} fit"
            rejected.append(reject(row, "overlong", detail))
        else:
            kept.append(row)
    return kept, rejected


def unverifiable(rows: Sequence[SourceRow], parseable: Callable[[list[str]], list[bool]]) -> set[str]:
    """Ids of the rows without a gold, or with one that the verifier cannot parse.

    Args:
        rows: with any golds.
        parseable: asked once, about each different gold once.
    """
    golds = list(dict.fromkeys(row.gold for row in rows if row.gold is not None))
    usable = {gold for gold, parsed in zip(golds, parseable(golds), strict=True) if parsed}
    return {row.id for row in rows if row.gold not in usable}
