"""Write D′: the release of a finished build, a directory laid out exactly as the Hub repository will be.

Rows are joined with their tokens and log-probs from the journal here, streamed in batches, so that neither travels
through the pipeline. The directory appears completely or not at all (`builder.release_files`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from builder.chat import Chat
from builder.errors import MindTheGapError, UnfinishedError
from builder.journal import Journal
from builder.manifest import manifest
from builder.release_files import BATCH, ConfigWriter, begin, complete
from builder.rules import copy_rate
from builder.summary import summarize
from builder.workspace import Workspace


def write_release(output: Path, workspace: Workspace, chat: Chat) -> dict[str, Any]:
    """Write the release of a finished build and return its manifest.

    Args:
        output: where the release appears; an earlier release there is replaced.
        workspace: the build's working directory.
        chat: the target's template and tokenizer.

    Raises:
        UnfinishedError: a source row has no outcome.
        MindTheGapError: what was built breaks a promise of the release; nothing is written.
    """
    scratch = begin(workspace)
    with Journal(workspace.journal_file) as journal:
        _write_rows(scratch, workspace, journal, chat)
        _write_rejected(scratch, workspace)
        content = manifest(workspace, journal, chat, summarize(scratch))
    return complete(content, output, workspace)


def _write_rows(scratch: Path, workspace: Workspace, journal: Journal, chat: Chat) -> None:
    writers = {name: ConfigWriter(scratch, name) for name in ("default", "tokens", "candidates")}
    outcomes = journal.outcomes()
    try:
        for row in _rows(workspace.rows_file):
            outcome = next(outcomes, None)
            if outcome is None or outcome["id"] != row["id"]:
                raise UnfinishedError(f"row {row['id']} has no outcome; run the same command again")
            tokens = _tokens(row, outcome, journal, chat)
            writers["tokens"].add(tokens)
            writers["default"].add(_default(row, outcome, tokens, journal, chat))
            for candidate in _candidates(outcome, journal, chat):
                writers["candidates"].add(candidate)
        if (extra := next(outcomes, None)) is not None:
            raise MindTheGapError(f"row {extra['id']} has an outcome but is not a row of the source")
    finally:
        for writer in writers.values():
            writer.close()


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file, pre_buffer=False).iter_batches(BATCH):
        yield from batch.to_pylist()


def _tokens(row: dict, outcome: dict, journal: Journal, chat: Chat) -> dict[str, Any]:
    kept = journal.get(bytes.fromhex(outcome["policy_key"]))
    behavior = None
    if outcome["behavior_key"]:
        behavior = journal.get(bytes.fromhex(outcome["behavior_key"])).logprobs
    lengths = {len(kept.token_ids), len(kept.logprobs)} | ({len(behavior)} if behavior else set())
    if len(lengths) != 1 or kept.token_ids[-1] != chat.end_of_turn_id:
        raise MindTheGapError(f"row {row['id']}: tokens and log-probs do not align (lengths {lengths})")
    return {
        "id": row["id"],
        "prompt_ids": chat.plain_prompt(row["problem"]),
        "completion_ids": kept.token_ids,
        "policy_logprobs": kept.logprobs,
        "behavior_logprobs": behavior,
    }


def _candidates(outcome: dict, journal: Journal, chat: Chat) -> Iterator[dict[str, Any]]:
    for phase in ("self", "guided"):
        for candidate in outcome[phase]:
            completion = journal.get(bytes.fromhex(candidate["key"]))
            yield {
                "id": outcome["id"],
                "phase": phase,
                "index": candidate["index"],
                "text": chat.text(completion.token_ids),
                "verdict": candidate["verdict"],
                "finish_reason": completion.finish_reason,
                "tokens": len(completion.token_ids),
                "logprob": sum(completion.logprobs),
                "rejected_reason": candidate["rejected_reason"],
            }


def _default(row: dict, outcome: dict, tokens: dict, journal: Journal, chat: Chat) -> dict[str, Any]:
    fallback = outcome["stage"] == "fallback"
    text = row["expert_solution"] if fallback else chat.text(tokens["completion_ids"])
    expert = journal.get(bytes.fromhex(outcome["expert_key"])).logprobs
    policy = tokens["policy_logprobs"]
    return {
        "id": row["id"],
        "source": row["source"],
        "problem": row["problem"],
        "answer": row["gold"] or None,
        "prompt": chat.messages(row["problem"]),
        "completion": [{"role": "assistant", "content": text}],
        "stage": outcome["stage"],
        "fallback_reason": outcome["fallback_reason"],
        **outcome["pass_rates"],
        "selected_index": None if fallback else outcome["kept"],
        "finish_reason": None if fallback else "stop",
        "completion_tokens": len(policy),
        "policy_logprob": sum(policy),
        "policy_logprob_per_token": sum(policy) / len(policy),
        "expert_solution": row["expert_solution"],
        "expert_tokens": len(expert),
        "expert_logprob": sum(expert),
        "expert_logprob_per_token": sum(expert) / len(expert),
        "copy_rate": copy_rate(text, row["expert_solution"]),
    }


def _write_rejected(scratch: Path, workspace: Workspace) -> None:
    with ConfigWriter(scratch, "rejected") as writer:
        for row in _rows(workspace.rejected_file):
            writer.add(row)
