"""How much a run is, before it begins: steps and tokens counted, time and memory by a rehearsal."""

import copy
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from transformers import TrainingArguments
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from builder.machine.display import duration
from trainers.data.batches import shuffled_steps
from trainers.data.rows import Rows
from trainers.training.prepared import Prepared
from trainers.training.progress import ProgressLines
from trainers.training.trainer import PolicyTrainer

_REHEARSED = 3  # micro-batches: the longest, in which everything is allocated, and two that are timed


@dataclass(frozen=True)
class Plan:
    """What a run computes.

    Attributes:
        steps: optimizer steps.
        batch_size: rows of one.
        epochs: times that every row is seen.
        tokens: of prompts and completions, over all steps.
        completion_tokens: of these.
    """

    steps: int
    batch_size: int
    epochs: float
    tokens: int
    completion_tokens: int

    def __str__(self) -> str:
        return (
            f"steps: {self.steps:,} of {self.batch_size:,} rows, {self.epochs:.4g} epochs, {self.tokens:,} tokens, "
            f"{self.completion_tokens:,} of them completion"
        )


@dataclass(frozen=True)
class Measured:
    """What a rehearsal shows.

    Attributes:
        tokens_per_second: over all processes.
        peak_gib: memory of rank 0, with the longest rows.
    """

    tokens_per_second: float
    peak_gib: float

    def __str__(self) -> str:
        return f"{self.tokens_per_second:,.0f} tokens/s, at most {self.peak_gib:.2f} GiB a process"


def planned(prepared: Prepared, args: TrainingArguments) -> Plan:
    """Count what a run computes, step by step."""
    rows, batch_size = prepared.rows, prepared.settings.batch_size
    an_epoch = math.ceil((sum(rows.mixture.quotas) if rows.mixture else len(rows)) / batch_size)
    steps = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * an_epoch)
    seed = args.data_seed if args.data_seed is not None else args.seed
    lengths, completion_lengths, tokens, completion = rows.lengths, rows.completion_lengths, 0, 0
    for epoch in range(math.ceil(steps / an_epoch)):
        of_epoch = shuffled_steps(len(rows), batch_size, seed, epoch, rows.mixture)[: steps - epoch * an_epoch]
        seen = np.concatenate(of_epoch)
        tokens, completion = tokens + int(lengths[seen].sum()), completion + int(completion_lengths[seen].sum())
    return Plan(steps, batch_size, steps / an_epoch, tokens, completion)


def rehearse(
    prepared: Prepared, args: TrainingArguments, make: Callable[[Prepared, TrainingArguments], PolicyTrainer]
) -> Measured:
    """Take three optimizer steps of one micro-batch a process, and forget them.

    Args:
        prepared: the run.
        args: its arguments.
        make: makes a trainer of a run.

    Raises:
        MindTheGapError: what the run itself would begin with.
    """
    size = args.per_device_train_batch_size * args.world_size
    short = copy.copy(args)
    short.max_steps, short.logging_steps = _REHEARSED, 1
    short.gradient_accumulation_steps = args.per_device_train_batch_size if prepared.settings.micro_tokens else 1
    short.save_strategy, short.eval_strategy, short.eval_on_start = SaveStrategy.NO, IntervalStrategy.NO, False
    short.load_best_model_at_end, short.push_to_hub, short.report_to = False, False, []
    seed = args.data_seed if args.data_seed is not None else args.seed
    with tempfile.TemporaryDirectory() as folder:
        settings = prepared.settings.model_copy(
            update={"batch_size": size, "output": Path(folder), "early_stopping": None}
        )
        rows = rehearsal_rows(prepared.rows, size, seed)
        short.output_dir = folder
        trainer = make(replace(prepared, settings=settings, rows=rows, held_out=None), short)
        trainer.remove_callback(ProgressLines)
        trainer.train()
    lines = [line for line in trainer.state.log_history if "tokens_per_second" in line]
    rates = [line["tokens_per_second"] for line in lines[1:]]
    return Measured(sum(rates) / len(rates), lines[-1]["peak_memory_gib"])


def rehearsal_rows(rows: Rows, size: int, seed: int) -> Rows:
    """Three steps' rows, in the order that a trainer's shuffling turns into: the longest, then shorter and longer ones.

    Args:
        rows: of the run.
        size: of a step; fewer rows are repeated.
        seed: of the shuffling.
    """
    lengths = rows.lengths
    by_length = sorted(range(len(rows)), key=lambda row: -lengths[row])
    first = [0, len(rows) * 3 // 4, len(rows) // 4]  # rows of a micro-batch have like lengths
    wanted = [by_length[(start + n) % len(rows)] for start in first for n in range(size)]
    arranged = [0] * len(wanted)
    drawn = [place for step in shuffled_steps(len(wanted), size, seed, 0) for place in step]
    for place, row in zip(drawn, wanted, strict=True):
        arranged[place] = row
    return Rows([rows[row] for row in arranged])


def estimate(plan: Plan, measured: Measured, runs: int) -> str:
    """What `--dry-run` says.

    Args:
        plan: of one run.
        measured: on this machine.
        runs: how many runs there would be.
    """
    seconds = runs * plan.tokens / measured.tokens_per_second
    hours = f"about {duration(seconds)}" + (f" for {runs} runs" if runs > 1 else "")
    return f"{measured}: {hours}, without evaluations and saving"
