"""Rows, their outcomes and their entries in the journal, put together as Arrow tables: the configs of a release.

Pure functions of some hundred rows at a time. Token ids and log-probs go from the journal's bytes into Arrow's without
becoming Python objects.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from builder.config import Settings
from builder.errors import MindTheGapError
from builder.journal.journal import Entry
from builder.method.candidates import Phase
from builder.method.outcome import Judged, Outcome
from builder.method.selection import prompt_of
from builder.policy.chat import Chat
from builder.release.kept import Kept, Scored, kept_columns
from builder.release.tables import table
from builder.texts.false_steps import false_steps

Entries = Mapping[bytes, Entry]
PreparedRow = Mapping[str, Any]


def tokens_table(rows: Sequence[PreparedRow], outcomes: Sequence[Outcome], entries: Entries, chat: Chat) -> pa.Table:
    """Config `tokens`.

    Raises:
        MindTheGapError: tokens and log-probs of a row do not align, or do not end the turn.
    """
    prompts = chat.plain_prompts([row["problem"] for row in rows])
    return table("tokens", [
        _tokens(row, outcome, np.array(prompt, np.int32), entries, chat)
        for row, outcome, prompt in zip(rows, outcomes, prompts, strict=True)
    ])  # fmt: skip


def _tokens(row: PreparedRow, outcome: Outcome, prompt: np.ndarray, entries: Entries, chat: Chat) -> dict[str, Any]:
    kept, drawn = _entry(entries, outcome.texts.policy), _behavior(outcome, entries)
    lengths = {len(kept.token_ids), len(kept.logprobs)} | ({len(drawn)} if drawn is not None else set())
    if len(lengths) != 1 or kept.token_ids[-1] != chat.end_of_turn_id:
        raise MindTheGapError(f"row {row['id']}: tokens and log-probs do not align (lengths {lengths})")
    entropies, _ = _entropies(outcome.texts.entropies, len(kept.logprobs), entries)
    return {
        "id": row["id"],
        "prompt_ids": prompt,
        "completion_ids": kept.token_ids,
        "policy_logprobs": kept.logprobs,
        "policy_entropies": entropies,
        "behavior_logprobs": drawn,
    }


def candidates_table(outcomes: Sequence[Outcome], entries: Entries, chat: Chat, settings: Settings) -> pa.Table:
    """Config `candidates`: those of each row together, as they were drawn; their tokens only where settings say so."""
    drawn = ((outcome.id, phase, candidate) for outcome in outcomes for phase, candidate in outcome.drawn())
    rows = [
        _candidate(row_id, phase, candidate, entries, chat)
        | {
            "guided_prompt": prompt_of(settings.seed, row_id, candidate.index, chat.guided)
            if phase == "guided"
            else None
        }
        for row_id, phase, candidate in drawn
    ]
    return table("candidates", rows if settings.candidate_tokens else [row | _WITHOUT_TOKENS for row in rows])


_WITHOUT_TOKENS = dict.fromkeys(("token_ids", "behavior_logprobs", "policy_logprobs", "policy_entropies"))


def _candidate(row_id: str, phase: Phase, candidate: Judged, entries: Entries, chat: Chat) -> dict[str, Any]:
    drawn = _entry(entries, candidate.key)
    policy = _entry(entries, candidate.policy) if candidate.policy else None
    entropies, bounds = _entropies(candidate.entropies, len(drawn.logprobs), entries)
    scored = _scored(policy, candidate.entropies, entries) if policy else None
    return {
        "id": row_id,
        "phase": phase,
        "index": candidate.index,
        "text": chat.text(drawn.token_ids.tolist()),
        "verdict": candidate.verdict,
        "answer_form": candidate.answer_form,
        "finish_reason": drawn.finish_reason,
        "tokens": len(drawn.token_ids),
        "logprob": _sum(drawn.logprobs),
        "rejected_reason": candidate.rejected_reason,
        "reuse_log_ratio": candidate.log_ratio,
        "policy_logprob": scored and scored.logprob,
        "excess_surprisal": scored and scored.excess,
        "entropy_bound": _mean(bounds),
        "token_ids": drawn.token_ids,
        "behavior_logprobs": drawn.logprobs,
        "policy_logprobs": policy.logprobs if policy and candidate.policy != candidate.key else None,
        "policy_entropies": entropies,
    }


def expert_table(outcomes: Sequence[Outcome], entries: Entries) -> pa.Table:
    """Config `expert`: the source's own solutions as the policy takes them."""
    return table("expert", [_expert(outcome, entries) for outcome in outcomes])


def _expert(outcome: Outcome, entries: Entries) -> dict[str, Any]:
    expert = _entry(entries, outcome.texts.expert)
    entropies, bounds = _entropies(outcome.texts.expert_entropies, len(expert.logprobs), entries)
    return {
        "id": outcome.id,
        "token_ids": expert.token_ids,
        "policy_logprobs": expert.logprobs,
        "policy_entropies": entropies,
        "entropy_bound": _mean(bounds),
    }


def default_table(
    rows: Sequence[PreparedRow], outcomes: Sequence[Outcome], entries: Entries, chat: Chat, settings: Settings
) -> pa.Table:
    """Config `default`."""
    opinion = {"judged_by": settings.verifier and settings.verifier.judged_by}
    made = [_default(row, outcome, entries, chat) | opinion for row, outcome in zip(rows, outcomes, strict=True)]
    return table("default", made)


def _default(row: PreparedRow, outcome: Outcome, entries: Entries, chat: Chat) -> dict[str, Any]:
    decision, fallback = outcome.decision, outcome.stage == "fallback"
    policy, drawn = _entry(entries, outcome.texts.policy), _behavior(outcome, entries)
    text = row["expert_solution"] if fallback else chat.text(policy.token_ids.tolist())
    scored = _scored(policy, outcome.texts.entropies, entries)
    expert = _scored(_entry(entries, outcome.texts.expert), outcome.texts.expert_entropies, entries)
    behavior = None if drawn is None else _sum(drawn)
    kept = Kept(decision.stage, decision.kept, decision.fallback_reason, text, scored, behavior, outcome.log_ratio)
    return {
        "id": row["id"],
        "source": row["source"],
        "origin": row["origin"],
        "problem": row["problem"],
        "answer": row["gold"] or None,
        "answer_kind": row["answer_kind"],
        "metadata": row.get("metadata"),  # earlier versions read none
        "benchmark_overlap": row.get("benchmark_overlap"),  # earlier versions compared nothing
        "prompt": chat.messages(row["problem"]),
        **kept_columns(row, kept, expert),
        **outcome.pass_rates,
        "origin_revision": None if outcome.log_ratio is None else row["origin_revision"],
        "expert_solution": row["expert_solution"],
        "expert_index": row.get("expert_index"),  # earlier versions took the first
        "expert_verdict": row["expert_verdict"],
        "expert_false_steps": len(false_steps(row["expert_solution"])),
        "expert_tokens": expert.tokens,
        "expert_logprob": expert.logprob,
        "expert_logprob_per_token": expert.logprob / expert.tokens,
        "expert_excess_surprisal": expert.excess,
        "expert_excess_surprisal_per_token": None if expert.excess is None else expert.excess / expert.tokens,
    }


def _behavior(outcome: Outcome, entries: Entries) -> np.ndarray | None:
    """Behavior log-probs `[time]` of the kept tokens; None where they are unknown."""
    if not outcome.texts.behavior:
        return None
    logprobs = _entry(entries, outcome.texts.behavior).logprobs
    end = outcome.texts.behavior_end
    return logprobs if end is None else np.append(logprobs[:-1], np.float32(end))


def _entropies(key: str | None, length: int, entries: Entries) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Entropies of a text's places and bounds on their errors, nats, `[time]` each; None if nobody asked for them."""
    return _entry(entries, key).entropies(length) if key else (None, None)


def _scored(text: Entry, entropies: str | None, entries: Entries) -> Scored:
    found, bounds = _entropies(entropies, len(text.logprobs), entries)
    return Scored.of(text.logprobs, found, None if bounds is None else _sum(bounds))


def _entry(entries: Entries, key: str) -> Entry:
    try:
        return entries[bytes.fromhex(key)]
    except KeyError:
        raise MindTheGapError(
            f"the journal lacks the answer {key}, from which a finished row was made; start over with --fresh"
        ) from None


def _sum(values: np.ndarray) -> float:
    return float(values.sum(dtype=np.float64))


def _mean(values: np.ndarray | None) -> float | None:
    return None if values is None else _sum(values) / len(values)
