"""Which rows cannot be trained on, or cannot be verified: pure, given a tokenizer and a verifier."""

from collections.abc import Callable, Sequence

from builder.sources.rows import RejectedRow, RejectReason, SourceRow
from builder.texts.answers import find_answer
from builder.texts.boxes import unboxed
from builder.texts.golds import answer_kind
from builder.verification.verdicts import Judgement, Response, Verdict

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


def unverifiable(rows: Sequence[SourceRow], parseable: Callable[[list[str]], list[bool]]) -> set[str]:
    """Ids of the rows without a gold, with one that the verifier cannot parse, or that ask for a proof.

    Args:
        rows: with any golds.
        parseable: asked once, about each different gold once.
    """
    asked = [row for row in rows if row.gold is not None and answer_kind(row.gold, row.problem) != "proof"]
    golds = list(dict.fromkeys(row.gold for row in asked))
    usable = {gold for gold, parsed in zip(golds, parseable(golds), strict=True) if parsed}
    return {row.id for row in rows} - {row.id for row in asked if row.gold in usable}


def expert_verdicts(
    rows: Sequence[SourceRow], without_gold: set[str], judge: Callable[[list[Response]], list[Judgement]]
) -> dict[str, Verdict]:
    """By id, the verdict on each expert solution that there is a usable gold for, as on any other text.

    Args:
        rows: of the source.
        without_gold: see `unverifiable`.
        judge: asked once.
    """
    judged = [row for row in rows if row.id not in without_gold]
    judgements = judge([Response(row.gold or "", row.expert_solution, row.problem) for row in judged])
    return {row.id: judgement.verdict for row, judgement in zip(judged, judgements, strict=True)}


def contradiction(row: SourceRow) -> str:
    """What the expert solution comes to, and what it should."""
    answer = find_answer(row.expert_solution, row.problem)
    found = unboxed(answer.text)[-_MOST_SHOWN:] if answer else ""
    return f"the expert solution comes to {found!r}, the gold answer is {row.gold!r}"
