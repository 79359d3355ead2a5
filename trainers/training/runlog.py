"""What remains of a run beside its checkpoints: one JSON line a step, and what the run was."""

import json
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from builder.config import setting_differences
from builder.errors import InputError
from builder.machine.atomic import write_atomically

STEPS = "steps.jsonl"
RUN = "run.json"
BEST = "best_step"  # key of the last line where the best checkpoint's model is kept
_COMPLETE = "complete"  # within a checkpoint, written after everything else


class RunLog(TrainerCallback):
    """Writes `steps.jsonl`; a resumed run forgets the lines after its checkpoint, which it computes again."""

    def __init__(self, output: Path) -> None:
        self._file = output / STEPS

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep what the checkpoint knows of."""
        if state.is_world_process_zero:
            kept = [line for line in read_steps(self._file) if line["step"] <= state.global_step]
            write_atomically(self._file, "".join(json.dumps(line) + "\n" for line in kept))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Append a line."""
        if state.is_world_process_zero and logs:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **logs}) + "\n")

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Say which step's model is kept, if that is not the last one's."""
        if args.load_best_model_at_end:
            self.on_log(args, state, control, {BEST: state.best_global_step})

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Mark the checkpoint as complete, when all ranks have written their part."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _COMPLETE).touch()


def read_steps(file: Path) -> list[dict[str, Any]]:
    """The lines of a `steps.jsonl`; a last one that was cut off by a kill is left out.

    Raises:
        InputError: another line is not JSON.
    """
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    steps = []
    for number, line in enumerate(lines, 1):
        try:
            steps.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise InputError(f"{file}, line {number}: not JSON") from None
    return steps


def last_checkpoint(output: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    found = [marker.parent for marker in output.glob(f"checkpoint-*/{_COMPLETE}")]
    return max(found, key=lambda folder: int(folder.name.removeprefix("checkpoint-")), default=None)


def claim(output: Path, run: dict[str, Any], resume: bool) -> None:
    """Make `output` this run's directory, or find it to be so already.

    Args:
        output: the run's directory.
        run: what determines the result, as JSON.
        resume: whether an earlier run there is to be continued.

    Raises:
        InputError: another run is there, or one that this is not a continuation of.
    """
    file = output / RUN
    if not file.is_file():
        if output.is_dir() and any(output.iterdir()):
            raise InputError(f"{output} exists and holds no run; choose another --output")
        output.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(run, indent=2) + "\n")
        return
    if not resume:
        raise InputError(f"{output} holds a run already: continue it with --resume, or choose another --output")
    try:
        earlier = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{file} is not what a trainer writes") from None
    if changed := setting_differences(earlier, json.loads(json.dumps(run))):
        raise InputError(f"{output} holds a run with other data or settings:\n  " + "\n  ".join(changed))
