"""How time and memory of a report grow with the release: made-up releases of so many rows, a report of each.

python -m scripts.bench.report_scale 50000 200000
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from builder.release.files import config_writer
from builder.release.records import CONFIGS, STAGES, schema

_BATCH = 5_000  # rows that are made once and written again and again under other ids
_CANDIDATES = 10  # a row
_TEXT = "So $x = \\frac{1}{2}$, and that is all there is to it. " * 20


def write_release(folder: Path, rows: int) -> None:
    """Write a made-up release: 300 tokens a text, 10 candidates a row."""
    random = np.random.default_rng(0)
    lengths = random.integers(100, 500, _BATCH)
    logprobs = [(-random.exponential(0.4, n)).astype(np.float32) for n in lengths]
    stages = random.choice(STAGES, _BATCH, p=(0.6, 0.25, 0.15))
    template = {"default": [], "tokens": [], "candidates": [], "rejected": []}
    for policy, stage in zip(logprobs, stages, strict=True):
        fallback, total, count = stage == "fallback", float(policy.sum()), len(policy)
        template["default"].append({
            "source": "made-up", "problem": _TEXT[:200], "answer": "1", "stage": stage, "expert_solution": _TEXT,
            "completion": [{"role": "assistant", "content": _TEXT}], "copy_rate": 0.2, "completion_tokens": count,
            "fallback_reason": "unverifiable" if fallback else None, "selected_index": None if fallback else 0,
            "self_sampled": _CANDIDATES, "self_correct": 3, "guided_sampled": 0, "guided_correct": 0,
            "policy_logprob": total, "policy_logprob_per_token": total / count, "expert_tokens": count,
            "expert_logprob": 1.5 * total, "expert_logprob_per_token": 1.5 * total / count,
        })  # fmt: skip
        template["tokens"].append({"policy_logprobs": policy, "behavior_logprobs": None if fallback else policy})
        template["candidates"] += [
            {"phase": "self", "index": k, "text": _TEXT, "verdict": "correct", "finish_reason": "stop", "tokens": count,
             "logprob": total} for k in range(_CANDIDATES)
        ]  # fmt: skip
    for config, content in template.items():
        table = pa.Table.from_pylist(content, schema=schema(CONFIGS[config]))
        repeat = len(content) // _BATCH
        with config_writer(folder, config) as writer:
            for start in range(0, rows if content else 0, _BATCH):
                ids = np.repeat(np.arange(start, start + _BATCH), repeat).astype(str)
                writer.add_table(table.set_column(0, "id", pa.array(ids)))
    (folder / "manifest.json").write_text(json.dumps(_MANIFEST | {"summary": {"stages": {"all": rows}}}))


_MANIFEST = {
    "tool": {"version": "0"}, "created": "2026-01-01", "seed": 0, "fingerprint": "", "settings": {}, "libraries": {},
    "target": {"model": "made-up", "revision": "0", "dtype": "bfloat16"}, "sources": [], "engine": "none",
    "sampling": {"candidates": 10, "temperature": 1.0, "top_p": 1.0, "max_tokens": 500}, "logprob_mode": "none",
    "rules": {"max_copy_rate": None, "forbid_mentions": True}, "verifier": {"version": "none", "deadline_seconds": 1.0},
    "cost": {"seconds": 1.0, "sampled_tokens": 1, "scored_tokens": 1, "sessions": 1},
}  # fmt: skip


def main(sizes: list[int]) -> None:
    """Print a line for each size; the first gives the unit of time."""
    first = None
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_release(Path(folder) / "release", rows)
            began = time.monotonic()
            command = [sys.executable, "-m", "builder.report", f"{folder}/release"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds = time.monotonic() - began
        first = first or seconds
        # The greatest of all reports so far: sizes ascend.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"{rows:>9,} rows  {seconds / first:5.1f} times the first's time  {peak:.2f} GB at most", flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
