"""What a person sees while a run trains: a line now and then, with rates and the time left."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from builder.machine.display import duration

_EVERY = 5.0  # seconds between lines


class ProgressLines(TrainerCallback):
    """Prints steps as they are logged, at most one line in five seconds, and every evaluation."""

    def __init__(self) -> None:
        self._printed = float("-inf")

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self._began, self._first = time.monotonic(), state.global_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Show the latest figures."""
        if not state.is_world_process_zero or not logs:
            return
        now = time.monotonic()
        if "eval_nll" in logs:
            print(f"step {state.global_step}/{state.max_steps}  held-out nll {logs['eval_nll']:.4f}", flush=True)
        elif "tokens_per_second" in logs and (now - self._printed >= _EVERY or state.global_step == state.max_steps):
            self._printed = now
            done, left = state.global_step - self._first, state.max_steps - state.global_step
            print(describe(state.global_step, state.max_steps, logs, (now - self._began) * left / done), flush=True)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Show why it ended, and which step's model is kept."""
        if args.load_best_model_at_end and state.is_world_process_zero:
            by = f"{args.metric_for_best_model.removeprefix('eval_')} {state.best_metric:.4f} of held-out rows"
            print(f"kept: step {state.best_global_step} of {state.global_step}, with the best {by}", flush=True)


def describe(step: int, of: int, logs: dict[str, float], seconds_left: float) -> str:
    """One line: loss, likelihood, weights, rate and time left."""
    return (
        f"step {step}/{of}  loss {logs['loss']:.4f}  nll {logs['nll']:.4f}  p {logs['probability']:.3f}  "
        f"ess {logs['effective_sample_size']:.2f}  grad {logs['grad_norm']:.3g}  lr {logs['learning_rate']:.2g}  "
        f"{logs['tokens_per_second']:,.0f} tokens/s  {duration(seconds_left)} left"
    )
