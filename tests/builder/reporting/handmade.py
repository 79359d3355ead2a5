"""Releases made by hand, small enough to know every number in them."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from builder.release.open import Release, open_release
from builder.release.records import CONFIGS, schema
from builder.release.summary import summarize


@dataclass
class Row:
    """One row: log-probs of each token decide everything that is summed or averaged from them."""

    id: str
    stage: str
    expert: list[float]
    policy: list[float]
    behavior: list[float] | None = None
    source: str = "made-up"
    problem: str = "What is $1 + 1$?"
    expert_solution: str = "It is \\boxed{2}."
    completion: str = "Clearly \\boxed{2}."
    candidates: list[dict] = field(default_factory=list)
    fallback_reason: str | None = None
    origin: str | None = None

    def default(self) -> dict:
        def of_phase(phase, **wanted):
            found = (c for c in self.candidates if c["phase"] == phase)
            return sum(all(c.get(k) == v for k, v in wanted.items()) for c in found)

        return {
            "id": self.id,
            "source": self.source,
            "origin": self.origin,
            "problem": self.problem,
            "answer": "2",
            "answer_kind": "value",
            "answer_form": "boxed",
            "expert_verdict": "correct" if "2" in self.expert_solution else "no_answer",
            "completion": [{"role": "assistant", "content": self.completion}],
            "stage": self.stage,
            "fallback_reason": self.fallback_reason,
            "self_sampled": of_phase("self"),
            "self_correct": of_phase("self", verdict="correct"),
            "guided_sampled": of_phase("guided"),
            "guided_correct": of_phase("guided", verdict="correct"),
            "selected_index": None if self.stage == "fallback" else 0,
            "completion_tokens": len(self.policy),
            "policy_logprob": sum(self.policy),
            "policy_logprob_per_token": sum(self.policy) / len(self.policy),
            "expert_solution": self.expert_solution,
            "expert_tokens": len(self.expert),
            "expert_logprob": sum(self.expert),
            "expert_logprob_per_token": sum(self.expert) / len(self.expert),
            "excess_surprisal": -sum(self.policy) - 0.5 * len(self.policy),
            "excess_surprisal_per_token": -sum(self.policy) / len(self.policy) - 0.5,
            "expert_excess_surprisal": -sum(self.expert) - 0.5 * len(self.expert),
            "expert_excess_surprisal_per_token": -sum(self.expert) / len(self.expert) - 0.5,
            "entropy_bound": 0.0,
            "hint_reliance": self.hint_reliance(),
            "copy_rate": 0.25,
        }

    def hint_reliance(self) -> float | None:
        if self.stage != "guided_alignment" or self.behavior is None:
            return None
        return (sum(self.behavior) - sum(self.policy)) / len(self.policy)

    def tokens(self) -> dict:
        return {
            "id": self.id,
            "completion_ids": list(range(len(self.policy))),
            "policy_logprobs": self.policy,
            "behavior_logprobs": self.behavior,
        }


def candidate(phase, index, verdict, text="It is \\boxed{2}.", **other):
    reason = None if verdict == "correct" else "not_correct"
    return {"phase": phase, "index": index, "verdict": verdict, "text": text, "finish_reason": "stop",
            "tokens": 4, "logprob": -2.0, "rejected_reason": reason} | other  # fmt: skip


def write(folder: Path, rows: list[Row], rejected: list[dict] = (), scheme: str = "fixed") -> Release:
    """Write a release of these rows."""
    content = {
        "default": [row.default() for row in rows],
        "tokens": [row.tokens() for row in rows],
        "candidates": [{"id": row.id} | c for row in rows for c in row.candidates],
        "rejected": list(rejected),
    }
    for name, of_config in content.items():
        (folder / "data" / name).mkdir(parents=True)
        empty = pl.from_arrow(schema(CONFIGS[name]).empty_table())
        frame = pl.DataFrame(of_config, schema=empty.schema)
        frame.write_parquet(folder / "data" / name / "train-00000.parquet")
    sampling = {"scheme": scheme, "candidates": 2, "temperature": 1.0, "top_p": 1.0, "max_tokens": 64}
    manifest = {
        "tool": {"name": "mind-the-gap", "version": "0.1.0", "commit": None},
        "created": "2026-11-24T12:00:00+00:00",
        "target": {"name": "tiny", "model": "me/tiny", "revision": "a" * 40, "dtype": "float32", "license": "mit"},
        "sources": [{"name": "made-up", "revision": None, "license": "mit"}],
        "sampling": sampling,
        "seed": 0,
        "rules": {"max_copy_rate": 0.8, "forbid_mentions": True},
        "verifier": {"version": "math-verify 0.9.0", "deadline_seconds": 5.0},
        "engine": "transformers 5",
        "logprob_mode": "policy: temperature 1",
        "libraries": {"torch": "2.13.0"},
        "summary": summarize(folder),
        "cost": {"sampled_tokens": 4000, "scored_tokens": 100, "sessions": 1, "seconds": 20.0},
        "files": {},
        "fingerprint": "f" * 64,
        "settings": {"sampling": sampling, "seed": 0},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return open_release(str(folder))


ROWS = [
    Row("a", "self_alignment", [-1.0, -3.0], [-0.5, -0.5, -0.2], [-0.5, -0.5, -0.2], origin="aops",
        candidates=[candidate("self", 0, "correct"), candidate("self", 1, "incorrect")]),
    Row("b", "self_alignment", [-2.0], [-1.0, -2.0], [-1.0, -2.0], source="other",
        candidates=[candidate("self", 0, "correct"), candidate("self", 1, "correct")]),
    Row("c", "guided_alignment", [-4.0, -4.0], [-1.5, -0.5], [-0.5, -0.5],
        candidates=[candidate("self", 0, "timeout"), candidate("self", 1, "no_answer", finish_reason="length",
                                                                rejected_reason="truncated"),
                    candidate("guided", 0, "correct"),
                    candidate("guided", 1, "correct", rejected_reason="copies_reference")]),
    Row("d", "fallback", [-6.0, -2.0], [-6.0, -2.0], origin="cn_k12", fallback_reason="no_acceptable_candidate",
        candidates=[candidate("self", 0, "incorrect"), candidate("self", 1, "incorrect"),
                    candidate("guided", 0, "incorrect"), candidate("guided", 1, "error")]),
]  # fmt: skip
