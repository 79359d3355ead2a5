"""Rows, their outcomes and their entries in the journal, put together as Arrow tables: the configs of a release.

Pure functions of some hundred rows at a time. Token ids and log-probs go from the journal's bytes into Arrow's without
becoming Python objects.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from builder.errors import MindTheGapError
from builder.journal.journal import Entry
from builder.method.outcome import Outcome
from builder.method.rules import copy_rate
from builder.policy.chat import Chat
from builder.release.records import CONFIGS, schema
from builder.texts.answers import find_answer
from builder.texts.false_steps import false_steps

Entries = Mapping[bytes, Entry]
PreparedRow = Mapping[str, Any]


def tokens_table(rows: Sequence[PreparedRow], outcomes: Sequence[Outcome], entries: Entries, chat: Chat) -> pa.Table:
    """Config `tokens`.

    Raises:
        MindTheGapError: tokens and log-probs of a row do not align, or do not end the turn.
    """
    policy = [_entry(entries, outcome.texts.policy) for outcome in outcomes]
    behavior = [_behavior(outcome, entries) for outcome in outcomes]
    for row, kept, drawn in zip(rows, policy, behavior, strict=True):
        lengths = {len(kept.token_ids), len(kept.logprobs)} | ({len(drawn)} if drawn is not None else set())
        if len(lengths) != 1 or kept.token_ids[-1] != chat.end_of_turn_id:
            raise MindTheGapError(f"row {row['id']}: tokens and log-probs do not align (lengths {lengths})")
    entropies = [_entropies(outcome.texts.entropies, len(kept.logprobs), entries)
                 for outcome, kept in zip(outcomes, policy, strict=True)]  # fmt: skip
    prompts = [np.array(ids, np.int32) for ids in chat.plain_prompts([row["problem"] for row in rows])]
    return _table("tokens", {
        "id": [row["id"] for row in rows],
        "prompt_ids": _lists(prompts, np.int32),
        "completion_ids": _lists([kept.token_ids for kept in policy], np.int32),
        "policy_logprobs": _lists([kept.logprobs for kept in policy], np.float32),
        "policy_entropies": _lists([found and found[0] for found in entropies], np.float32),
        "behavior_logprobs": _lists(behavior, np.float32),
    })  # fmt: skip


def candidates_table(outcomes: Sequence[Outcome], entries: Entries, chat: Chat) -> pa.Table:
    """Config `candidates`: those of each row together, as they were drawn."""
    drawn = [(outcome.id, phase, candidate) for outcome in outcomes for phase, candidate in outcome.drawn()]
    found = [_entry(entries, candidate.key) for _, _, candidate in drawn]
    return _table("candidates", {
        "id": [row_id for row_id, _, _ in drawn],
        "phase": [phase for _, phase, _ in drawn],
        "index": [candidate.index for _, _, candidate in drawn],
        "text": [chat.text(entry.token_ids.tolist()) for entry in found],
        "verdict": [candidate.verdict for _, _, candidate in drawn],
        "answer_form": [candidate.answer_form for _, _, candidate in drawn],
        "finish_reason": [entry.finish_reason for entry in found],
        "tokens": [len(entry.token_ids) for entry in found],
        "logprob": [_sum(entry) for entry in found],
        "rejected_reason": [candidate.rejected_reason for _, _, candidate in drawn],
    })  # fmt: skip


def default_table(rows: Sequence[PreparedRow], outcomes: Sequence[Outcome], entries: Entries, chat: Chat) -> pa.Table:
    """Config `default`."""
    made = [_default(row, outcome, entries, chat) for row, outcome in zip(rows, outcomes, strict=True)]
    return pa.Table.from_pylist(made, schema=schema(CONFIGS["default"]))


def _default(row: PreparedRow, outcome: Outcome, entries: Entries, chat: Chat) -> dict[str, Any]:
    decision, fallback = outcome.decision, outcome.stage == "fallback"
    kept, expert = _entry(entries, outcome.texts.policy), _entry(entries, outcome.texts.expert)
    text = row["expert_solution"] if fallback else chat.text(kept.token_ids.tolist())
    answer = find_answer(text, row["problem"])
    tokens, expert_tokens = len(kept.logprobs), len(expert.logprobs)
    logprob, expert_logprob = _sum(kept), _sum(expert)
    excess = _excess(outcome.texts.entropies, kept, entries)
    expert_excess = _excess(outcome.texts.expert_entropies, expert, entries)
    return {
        "id": row["id"],
        "source": row["source"],
        "origin": row["origin"],
        "problem": row["problem"],
        "answer": row["gold"] or None,
        "answer_kind": row["answer_kind"],
        "benchmark_overlap": row.get("benchmark_overlap"),  # earlier versions compared nothing
        "prompt": chat.messages(row["problem"]),
        "completion": [{"role": "assistant", "content": text}],
        "stage": decision.stage,
        "fallback_reason": decision.fallback_reason,
        **outcome.pass_rates,
        "selected_index": decision.kept,
        "finish_reason": None if fallback else "stop",
        "answer_form": answer and answer.form,
        "completion_tokens": tokens,
        "policy_logprob": logprob,
        "policy_logprob_per_token": logprob / tokens,
        "excess_surprisal": excess and excess[0],
        "excess_surprisal_per_token": excess and excess[0] / tokens,
        "expert_solution": row["expert_solution"],
        "expert_verdict": row["expert_verdict"],
        "expert_false_steps": len(false_steps(row["expert_solution"])),
        "expert_tokens": expert_tokens,
        "expert_logprob": expert_logprob,
        "expert_logprob_per_token": expert_logprob / expert_tokens,
        "expert_excess_surprisal": expert_excess and expert_excess[0],
        "expert_excess_surprisal_per_token": expert_excess and expert_excess[0] / expert_tokens,
        "entropy_bound": excess and (excess[1] + expert_excess[1]) / (tokens + expert_tokens),
        "hint_reliance": _hint_reliance(outcome, kept, entries),
        "copy_rate": copy_rate(text, row["expert_solution"]),
    }


def _behavior(outcome: Outcome, entries: Entries) -> np.ndarray | None:
    """Behavior log-probs `[time]` of the kept tokens; None where they are unknown."""
    if not outcome.texts.behavior:
        return None
    logprobs = _entry(entries, outcome.texts.behavior).logprobs
    end = outcome.texts.behavior_end
    return logprobs if end is None else np.append(logprobs[:-1], np.float32(end))


def _hint_reliance(outcome: Outcome, kept: Entry, entries: Entries) -> float | None:
    drawn = _behavior(outcome, entries) if outcome.stage == "guided_alignment" else None
    return None if drawn is None else (float(drawn.sum(dtype=np.float64)) - _sum(kept)) / len(drawn)


def _entropies(key: str | None, length: int, entries: Entries) -> tuple[np.ndarray, np.ndarray] | None:
    """Entropies of a text's places and bounds on their errors, nats, `[time]` each; None if nobody asked for them."""
    return _entry(entries, key).entropies(length) if key else None


def _excess(key: str | None, text: Entry, entries: Entries) -> tuple[float, float] | None:
    """Excess surprisal of a text and a bound on its error, sums over its tokens, nats."""
    found = _entropies(key, len(text.logprobs), entries)
    if not found:
        return None
    entropy, bound = (float(values.sum(dtype=np.float64)) for values in found)
    return -_sum(text) - entropy, bound


def _entry(entries: Entries, key: str) -> Entry:
    try:
        return entries[bytes.fromhex(key)]
    except KeyError:
        raise MindTheGapError(
            f"the journal lacks the answer {key}, from which a finished row was made; start over with --fresh"
        ) from None


def _sum(entry: Entry) -> float:
    return float(entry.logprobs.sum(dtype=np.float64))


def _lists(values: Sequence[np.ndarray | None], dtype: type) -> pa.ListArray:
    """A column of lists `[rows][time]`; None is a null."""
    offsets = np.cumsum([0, *(0 if v is None else len(v) for v in values)], dtype=np.int32)
    flat = np.concatenate([np.empty(0, dtype), *(v for v in values if v is not None)]).astype(dtype, copy=False)
    mask = pa.array([v is None for v in values], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat), mask=mask)


def _table(config: str, columns: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pydict(columns, schema=schema(CONFIGS[config]))
