"""A finished build made by hand, without an engine: three rows, one a stage, and one that was left out."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from builder.building.workspace import Workspace
from builder.config import Sampling, Settings, SourceSpec, Target
from builder.engines.protocol import Completion, Scores
from builder.journal.journal import Journal, entropy_key
from builder.machine.atomic import write_atomically
from builder.method.outcome import Outcome
from builder.policy.chat import Chat
from builder.release.manifest import file_facts
from builder.release.open import Release
from builder.release.records import CONFIGS, REJECTED, schema

EXPERT = "Three and four make \\boxed{7}."

JUDGED = {"verdict": "correct", "answer_form": "boxed", "rejected_reason": None}


def logprobs(ids):
    return [-0.5 * (n + 1) for n in range(len(ids))]


def scores(ids):
    return Scores(logprobs(ids), [0.25] * len(ids), [0.01] * len(ids))


def finished_build(output: Path, chat: Chat, target: Target, *, seed: int = 0, words: str = "It is") -> Workspace:
    """The working directory of `output`, ready for `write_release`; other `words`, other completions."""
    workspace = Workspace.of(output)
    workspace.root.mkdir(parents=True)
    settings = Settings(
        target=target,
        model_revision="a" * 40,
        sources=[SourceSpec(name="made-up")],
        seed=seed,
        sampling=Sampling(candidates=2),
        engine="transformers",
        prompt_hashes={"plain": "x"},
        tool_version="0",
    )
    workspace.claim(settings)
    workspace.engine_file.write_text("transformers 5")
    write_atomically(workspace.provenance_file, json.dumps([{"name": "made-up", "revision": None, "license": "mit"}]))
    rows = [
        {
            "row": n,
            "id": f"made-up-{n}",
            "source": "made-up",
            "origin": ("olympiads", "cn_k12", "cn_k12")[n],
            "problem": f"What is 3 + {n}?",
            "expert_solution": EXPERT,
            "expert_index": (None, 1, None)[n],
            "gold": "7" if n < 2 else "",
            "answer_kind": "value" if n < 2 else "none",
            "expert_verdict": "correct" if n < 2 else None,
        }
        for n in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(rows), workspace.rows_file)
    dropped = {"id": "made-up-9", "source": "made-up", "reason": "duplicate", "detail": "repeats made-up-0"}
    empty = {"problem": "p", "expert_solution": "s"}
    pq.write_table(pa.Table.from_pylist([dropped | empty], schema=schema(REJECTED)), workspace.rejected_file)

    with Journal(workspace.journal_file) as journal:
        expert_ids = chat.completion(EXPERT)
        journal.put_scores(b"expert", expert_ids, scores(expert_ids))
        for row, stage in enumerate(("self_alignment", "guided_alignment", "fallback")):
            phase = stage.split("_")[0]
            outcome = {
                "row": row,
                "id": f"made-up-{row}",
                "stage": stage,
                "kept": 0 if row < 2 else None,
                "fallback_reason": None if row < 2 else "unverifiable",
                "expert_key": b"expert".hex(),
                "policy_key": b"expert".hex(),
                "behavior_key": None,
                "entropies_key": entropy_key(b"expert").hex(),
                "expert_entropies_key": entropy_key(b"expert").hex(),
                "pass_rates": {f"{p}_{c}": int(p == phase) for p in ("self", "guided") for c in ("sampled", "correct")},
                "self": [],
                "guided": [],
            }
            if row < 2:
                drawn, scored = f"drawn{row}".encode(), f"scored{row}".encode()
                ids = chat.completion(f"{words} \\boxed{{{row}}}")
                journal.put([(drawn, Completion(ids, [-0.25] * len(ids), "stop"))])
                journal.put_scores(scored, ids, scores(ids))
                outcome |= {"behavior_key": drawn.hex(), "policy_key": (drawn if row == 0 else scored).hex()}
                outcome["entropies_key"] = entropy_key(scored).hex()
                known = {"policy": outcome["policy_key"], "entropies": outcome["entropies_key"]}
                outcome[phase] = [{"index": 0, "key": drawn.hex(), **JUDGED, **known}]
            journal.put_outcomes([Outcome.load(json.dumps(outcome))])
    return workspace


def altered(release, tmp_path, change, **manifest):
    """A copy of a release whose `default` rows went through `change`."""
    copy = tmp_path / "altered"
    for config in CONFIGS:
        (copy / "data" / config).mkdir(parents=True)
        rows = pl.read_parquet(release.path / "data" / config / "*.parquet")
        rows = change(rows) if config == "default" else rows
        rows.write_parquet(copy / "data" / config / "train-00000.parquet")
    files = file_facts(copy)
    return Release("altered", copy, None, release.manifest | {"files": files} | manifest)
