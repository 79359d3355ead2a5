"""The stored texts of a release, judged again: by today's verifier, by other rules, without an engine."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from builder.config import Settings, setting_differences
from builder.method.alignment import Decision, decide
from builder.method.candidates import Candidate, counts
from builder.method.choosing.problem import Text
from builder.method.prompts import instructions
from builder.method.reuse import objection
from builder.method.rules import Task
from builder.policy.chat import Chat
from builder.release.chosen import as_it_stands, rewritten
from builder.release.files import batches, config_writer
from builder.release.open import Release
from builder.release.reselection import OF_THE_RELEASE, parent
from builder.release.rewriting import share
from builder.release.side_by_side import Part, Row, side_by_side
from builder.release.tables import table
from builder.verification.registry import verifier_provenance
from builder.verification.verdicts import Reference, Verdict
from builder.verification.verifier import Verifier

NEEDS_ENGINE = "needs_engine"
_BEFORE_RULES = ("truncated", "not_correct")  # reasons that hide whether a control token is in the text
_JUDGED = ("verdict", "answer_form", "rejected_reason")
_AS_KEPT = ("policy_logprob", "excess_surprisal", "entropy_bound", "policy_logprobs", "policy_entropies")


@dataclass(frozen=True)
class Judged:
    """A row with its candidates, judged again.

    Attributes:
        own: candidates from the plain prompt.
        retold: candidates with the expert solution in the prompt.
        decision: what a build would make of them; with reason `NEEDS_ENGINE` where it would draw or score more.
        columns: of `default`, those that changed whatever is kept.
    """

    own: Sequence[Candidate]
    retold: Sequence[Candidate]
    decision: Decision
    columns: Row


class Reverifier:
    """Judges the rows of a release again, and says what has changed.

    Args:
        release: with tokens of its candidates.
        settings: its own, with the rules and the deadline that are to hold.
        chat: the target's tokenizer, which knows control tokens.
        verifier: today's.

    Attributes:
        counts: of the rows so far: `rows`, `changed` (they keep another text), `needs_engine`.
        verdicts: candidates by verdict before and now, those that changed.
        stages: rows by stage before and now, those that changed.
    """

    def __init__(self, release: Release, settings: Settings, chat: Chat, verifier: Verifier) -> None:
        self._settings, self._chat, self._verifier = settings, chat, verifier
        self._words = instructions(settings.target)
        self.counts = Counter(rows=0, changed=0, needs_engine=0)
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.stages: Counter[tuple[str, str]] = Counter()

    def rewrite(self, part: Part) -> tuple[list[Row], pa.Table, pa.Table]:
        """The rows of `default`, `tokens` and `candidates` of a part as they are now."""
        judged = self._judged(part)
        made = [self._row(part, number, row) for number, row in enumerate(judged)]
        candidates = [candidate for row in judged for candidate in (*row.own, *row.retold)]
        self._count(part, [row for row, _ in made], candidates)
        tokens = table("tokens", [ids for _, ids in made])
        return [row for row, _ in made], tokens, _with_judgements(part.candidates, candidates)

    def _judged(self, part: Part) -> list[Judged]:
        candidates, judged = self._judged_candidates(part), []
        opinion = self._settings.verifier and self._settings.verifier.judged_by
        for number, (verifiable, verdict) in enumerate(judged_experts(part.rows, self._verifier)):
            drawn = candidates[part.starts[number] : part.starts[number + 1]]
            of_own = part.rows[number]["self_sampled"]
            own, retold = drawn[:of_own], drawn[of_own:]
            columns = counts(own, "self") | counts(retold, "guided") | {"expert_verdict": verdict, "judged_by": opinion}
            judged.append(Judged(own, retold, self._decision(part, number, own, retold, verifiable), columns))
        return judged

    def _judged_candidates(self, part: Part) -> list[Candidate]:
        rows = [number for number, row in enumerate(part.rows) for _ in range(_drawn(row))]
        candidates = [self._candidate(seen) for seen in part.candidates.select(_SEEN).to_pylist()]
        phases = part.candidates["phase"].to_pylist()
        responses = []
        for candidate, phase, number in zip(candidates, phases, rows, strict=True):
            row = part.rows[number]
            task = Task(phase, row["problem"], row["expert_solution"], self._words, row["metadata"] or "")
            responses.append(candidate.response(row["answer"] or "", task, self._settings.rules))
        judgements = self._verifier.judge(responses, self._settings.rules.accept_answers)
        judged = [candidate.judged(judgement) for candidate, judgement in zip(candidates, judgements, strict=True)]
        if self._settings.rules.max_hint_reliance is None:
            return judged
        # What relied too much on the hint still does: the limit is the same, and no text says it.
        before = part.candidates["rejected_reason"].to_pylist()
        return [
            replace(candidate, rejected_reason=reason)
            if reason == "relies_on_hint" and candidate.acceptable
            else candidate
            for candidate, reason in zip(judged, before, strict=True)
        ]

    def _candidate(self, seen: Row) -> Candidate:
        reason = seen["rejected_reason"]
        hidden = reason in _BEFORE_RULES and self._chat.control_token_in(seen["text"]) is not None
        ended, tokens = seen["finish_reason"], seen["tokens"]
        control = hidden or reason == "control_token"
        known = seen["index"], "", seen["text"], ended, tokens, seen["logprob"], control
        return Candidate(*known, log_ratio=seen["reuse_log_ratio"])

    def _decision(
        self, part: Part, number: int, own: Sequence[Candidate], retold: Sequence[Candidate], verifiable: bool
    ) -> Decision:
        row = part.rows[number]
        decision = decide(self._settings.seed, row["id"], verifiable, own, retold, self._settings.realign)
        has_room = verifiable and row["fallback_reason"] != "no_room"
        drawn = not has_room or self._is_drawn(decision, own, retold)
        known = drawn and self._is_scored(part, number, decision) and self._stands(row["id"], own)
        return decision if known else Decision("fallback", fallback_reason=NEEDS_ENGINE)

    def _is_drawn(self, decision: Decision, own: Sequence[Candidate], retold: Sequence[Candidate]) -> bool:
        """Whether a build that came to this decision would have drawn no more."""
        most = self._settings.sampling.candidates
        match decision.stage:
            case "self_alignment":
                return True
            case "guided_alignment":
                return len(own) >= most
            case _:
                return len(own) >= most and len(retold) >= most

    def _stands(self, row_id: str, own: Sequence[Candidate]) -> bool:
        """Whether these candidates, if an earlier checkpoint drew them, can still stand for the target's."""
        if not own or own[0].log_ratio is None:
            return True
        return objection(self._settings.seed, row_id, own, self._settings.realign) is None

    def _is_scored(self, part: Part, number: int, decision: Decision) -> bool:
        """Whether the policy log-probs of what would be kept are known."""
        row = part.rows[number]
        if decision.kept is None or (row["stage"], row["selected_index"]) == (decision.stage, decision.kept):
            return True
        guided = decision.stage == "guided_alignment"
        where = part.starts[number] + (row["self_sampled"] if guided else 0) + decision.kept
        if part.candidates["policy_logprob"][where].is_valid:
            return True
        taught, last = (table_[column][place].values[-1].as_py() for table_, column, place in (
            (part.tokens, "completion_ids", number), (part.candidates, "token_ids", where)))  # fmt: skip
        drawn_by_target = not part.candidates["reuse_log_ratio"][where].is_valid
        return not guided and drawn_by_target and self._settings.sampling.from_policy and taught == last

    def _row(self, part: Part, number: int, judged: Judged) -> tuple[Row, Row]:
        row, decision = part.rows[number], judged.decision
        if (row["stage"], row["selected_index"]) == (decision.stage, decision.kept):
            made, tokens = as_it_stands(part, number)
        else:
            kept, from_policy = self._kept(part, number, decision), self._settings.sampling.from_policy
            made, tokens = rewritten(part, number, kept, from_policy=from_policy)
        return made | judged.columns | {"fallback_reason": decision.fallback_reason}, tokens

    def _kept(self, part: Part, number: int, decision: Decision) -> Text:
        realign = self._settings.realign
        problem = part.problem(number, self._settings.seed, realign and realign.cap)
        phase = "guided" if decision.stage == "guided_alignment" else "self"
        found = (text for text in problem.candidates if (text.phase, text.index) == (phase, decision.kept))
        return next(found, problem.expert)

    def _count(self, part: Part, rows: Sequence[Row], candidates: Sequence[Candidate]) -> None:
        before = part.candidates["verdict"].to_pylist()
        pairs = zip(before, (candidate.verdict for candidate in candidates), strict=True)
        self.verdicts.update(pair for pair in pairs if pair[0] != pair[1])
        for old, new in zip(part.rows, rows, strict=True):
            kept = [(row["stage"], row["selected_index"]) for row in (old, new)]
            self.counts.update(rows=1, changed=kept[0] != kept[1], needs_engine=new["fallback_reason"] == NEEDS_ENGINE)
            if old["stage"] != new["stage"]:
                self.stages[old["stage"], new["stage"]] += 1


_SEEN = ("index", "text", "finish_reason", "tokens", "logprob", "rejected_reason", "reuse_log_ratio")


def judged_experts(rows: Sequence[Row], verifier: Verifier) -> list[tuple[bool, Verdict | None]]:
    """Of each row of `default`, whether its gold can be compared with, and the verdict on the expert solution then."""
    references = [Reference(row["answer"] or "", row["problem"], row["metadata"] or "") for row in rows]
    usable = [reason is None for reason in verifier.unusable(references)]
    solutions = [to.answered(row["expert_solution"]) for row, to in zip(rows, references, strict=True)]
    judgements = iter(verifier.judge([s for s, known in zip(solutions, usable, strict=True) if known]))
    return [(known, next(judgements).verdict if known else None) for known in usable]


def _drawn(row: Row) -> int:
    return row["self_sampled"] + row["guided_sampled"]


def _with_judgements(drawn: pa.Table, candidates: Sequence[Candidate]) -> pa.Table:
    """Config `candidates`, judged again; what may not be kept any more loses what was measured of it as kept."""
    kept = pa.array([candidate.acceptable for candidate in candidates], pa.bool_())
    columns = {name: drawn[name] for name in drawn.schema.names}
    for name in _JUDGED:
        columns[name] = pa.array([getattr(candidate, name) for candidate in candidates], drawn.schema.field(name).type)
    for name in _AS_KEPT:
        columns[name] = pc.if_else(kept, drawn[name], pa.scalar(None, drawn.schema.field(name).type))
    return pa.table(columns, schema=drawn.schema)


def reverify(release: Release, reverifier: Reverifier, scratch: Path, advance: Callable[[int], None]) -> None:
    """Fill the data files of a new release.

    Args:
        release: whose texts are judged.
        reverifier: judges them.
        scratch: the new release's directory.
        advance: is told how many rows were judged since it was last told.

    Raises:
        InputError: its configs do not go together.
    """
    share(release, "expert", scratch)
    with ExitStack() as stack:
        default, tokens, candidates, rejected = (
            stack.enter_context(config_writer(scratch, config))
            for config in ("default", "tokens", "candidates", "rejected")
        )
        for rows in batches(release, "rejected"):
            rejected.add_table(rows)
        for part in side_by_side(release):
            rows, of_rows, drawn = reverifier.rewrite(part)
            default.add_table(table("default", rows))
            tokens.add_table(of_rows)
            candidates.add_table(drawn)
            advance(len(rows))


def reverified_manifest(
    release: Release, settings: Settings, reverifier: Reverifier, summary: dict[str, Any]
) -> dict[str, Any]:
    """The manifest of a release whose texts were judged again, but for the facts about its files.

    Args:
        release: that was judged again.
        settings: that it was judged by.
        reverifier: that has judged it.
        summary: of the new rows.
    """
    common = {key: value for key, value in release.manifest.items() if key not in OF_THE_RELEASE}
    return common | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": summary,
        "rules": settings.stated_rules,
        "verifier": verifier_provenance(settings.verifier, settings.verifier_deadline),
        "fingerprint": settings.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "reverification": {
            "parent": parent(release),
            **reverifier.counts,
            "verdicts": _listed(reverifier.verdicts),
            "stages": _listed(reverifier.stages),
        },
    }


def _listed(changes: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"before": before, "now": now, "number": number} for (before, now), number in changes.most_common()]


def is_made(manifest: dict[str, Any], release: Release, settings: Settings) -> bool:
    """Whether a manifest is that of this release judged by these settings."""
    made = manifest.get("reverification")
    same = not setting_differences(manifest["settings"], settings.model_dump(mode="json"))
    return bool(made) and same and made["parent"]["manifest"] == parent(release)["manifest"]
