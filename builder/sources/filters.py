"""Which rows cannot be trained on, or cannot be verified: pure, given a tokenizer and a verifier."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from builder.sources.rows import RejectedRow, RejectReason, SourceRow
from builder.texts.answers import find_answer
from builder.texts.boxes import unboxed
from builder.verification.verdicts import Judgement, Reference, Response, Verdict

_MOST_SHOWN = 200  # characters of an answer


def reject(row: SourceRow, reason: RejectReason, detail: str) -> RejectedRow:
    """Leave a row out, with the reason."""
    return RejectedRow(row.row, row.id, row.source, reason, detail, row.problem, row.expert_solution, row.origin)


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


def unverifiable(rows: Sequence[SourceRow], unusable: Callable[[list[Reference]], list[str | None]]) -> dict[str, str]:
    """By id, why a row cannot be verified; rows that can are not in it.

    Args:
        rows: with any golds, or none.
        unusable: asked once.
    """
    reasons = unusable([reference(row) for row in rows])
    return {row.id: reason for row, reason in zip(rows, reasons, strict=True) if reason is not None}


def reference(row: SourceRow) -> Reference:
    """What responses to a row are judged against."""
    return Reference(row.gold or "", row.problem, row.metadata or "")


def with_right_experts(
    rows: Sequence[SourceRow], judge: Callable[[list[Response]], list[Judgement]]
) -> list[SourceRow]:
    """The rows, each that has several solutions with the first correct one as its expert's, or the first of all.

    Args:
        rows: of the source.
        judge: asked once.
    """
    asked = [(row, index) for row in rows for index in range(len(row.experts))]
    judgements = judge([reference(row).answered(row.experts[index]) for row, index in asked])
    right: dict[str, int] = {}
    for (row, index), judgement in zip(asked, judgements, strict=True):
        if judgement.verdict == "correct":
            right.setdefault(row.id, index)
    return [
        replace(row, expert_solution=row.experts[right[row.id]], expert_index=right[row.id]) if row.id in right else row
        for row in rows
    ]


def expert_verdicts(
    rows: Sequence[SourceRow], without_gold: Collection[str], judge: Callable[[list[Response]], list[Judgement]]
) -> dict[str, Verdict]:
    """By id, the verdict on each expert solution that there is a usable gold for, as on any other text.

    Args:
        rows: of the source.
        without_gold: see `unverifiable`.
        judge: asked once.
    """
    judged = [row for row in rows if row.id not in without_gold]
    judgements = judge([reference(row).answered(row.expert_solution) for row in judged])
    return {row.id: judgement.verdict for row, judgement in zip(judged, judgements, strict=True)}


def contradiction(row: SourceRow) -> str:
    """What the expert solution comes to, and what it should."""
    answer = find_answer(row.expert_solution, row.problem)
    found = unboxed(answer.text)[-_MOST_SHOWN:] if answer else ""
    return f"the expert solution comes to {found!r}, the gold answer is {row.gold!r}"
