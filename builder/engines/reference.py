"""How the target itself scores a text, by its weights on this machine, without any engine.

`python -m builder.engines.reference DIRECTORY DTYPE` reads [prompt ids, completion ids] from standard input and writes
the completion's log-probs. It is a process of its own because torch must not be running when steps are forked.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from builder.policy.content_hash import read_entry, write_entry
from builder.policy.models import Model, cache_dir

MOST_BYTES = 4_000_000_000  # of weights; larger ones take too long and too much memory beside an engine
_SECONDS = 600.0


def reference_scores(model: Model, dtype: str, prompt_ids: list[int], completion_ids: list[int]) -> list[float] | None:
    """Log-probs (nats, temperature 1) of a completion after a prompt, `[time]`; computed once on each machine.

    Args:
        model: the target's files.
        dtype: of its weights.
        prompt_ids: tokens before the completion, at least one.
        completion_ids: tokens to score.

    Returns:
        None if the weights are not here, have more than `MOST_BYTES`, or cannot be run.
    """
    if not 0 < weight_bytes(model.path) <= MOST_BYTES:
        return None
    request = json.dumps([prompt_ids, completion_ids])
    name = hashlib.sha256(f"{model.revision} {dtype} {request}".encode()).hexdigest()
    memory = cache_dir() / "references" / f"{name}.json"
    known = as_scores(read_entry(memory), len(completion_ids))
    if known is None:
        known = as_scores(_computed(model.path, dtype, request), len(completion_ids))
        if known is not None:
            write_entry(memory, known)
    return known


def weight_bytes(path: Path) -> int:
    """Size of a model's safetensors weights; 0 if some of them are missing."""
    index = read_entry(path / "model.safetensors.index.json")
    try:
        names = set(index["weight_map"].values()) if index else {"model.safetensors"}
        return sum((path / name).stat().st_size for name in names)
    except (OSError, KeyError, TypeError, AttributeError):
        return 0


def _computed(path: Path, dtype: str, request: str) -> object:
    command = [sys.executable, "-m", "builder.engines.reference", str(path), dtype]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}  # the GPU is the engine's
    try:
        done = subprocess.run(command, input=request, capture_output=True, text=True, env=env, timeout=_SECONDS)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def as_scores(found: object, length: int) -> list[float] | None:
    """What was read from a file, if it is `length` log-probs."""
    fits = isinstance(found, list) and len(found) == length and all(type(x) is float for x in found)
    return found if fits else None


def main() -> None:
    """Score one text."""
    from builder.engines.local_model import LocalModel

    path, dtype = sys.argv[1:]
    prompt_ids, completion_ids = json.load(sys.stdin)
    model = LocalModel(Path(path), dtype, "cpu")
    print(json.dumps(model.score([(prompt_ids, completion_ids)])[0].logprobs))


if __name__ == "__main__":
    main()
