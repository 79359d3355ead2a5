"""Transformers' Trainer with losses over log-probs: exact to the token however a step is divided.

All of Trainer and Accelerate stays: schedulers, checkpoints, FSDP, DeepSpeed, trackers. Replaced are what a step
consists of (`batches`), what a forward pass returns (`policy`), how the loss is made (`losses`) and what is logged.
"""

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import unwrap_peft_model

from trainers.arguments import Reduction
from trainers.data.batches import Batching, StepSampler
from trainers.data.collate import collate
from trainers.data.rows import Rows
from trainers.losses import LOSSES, Evaluated, Options, Tokens, evaluate
from trainers.model.attention import separate_rows
from trainers.model.parity import INPUTS, deviation, probe, settle
from trainers.model.policy import prepare_sharding
from trainers.training.guards import diverged
from trainers.training.metrics import Collected, peak_memory_gib, summarize, table
from trainers.training.saving import Companions, as_dtype


class _EpochLoader(DataLoader):
    """A DataLoader that passes the epoch on to its sampler, and may put rows together in another way."""

    def set_epoch(self, epoch: int) -> None:
        self.batch_sampler.set_epoch(epoch)

    def set_batching(self, batching: Batching) -> None:
        self.batch_sampler.batching, self.collate_fn = batching, partial(collate, batching=batching)

    def padding(self) -> float:
        """Share of an epoch's positions."""
        return self.batch_sampler.padding()


class _Check(TrainerCallback):
    """Compares the model with itself once it is wrapped, loaded and where it will be, and before it changes."""

    def __init__(self, trainer: "PolicyTrainer") -> None:
        self._trainer = trainer

    def on_train_begin(self, *_: Any, train_dataloader: _EpochLoader, **__: Any) -> None:
        batching = self._trainer.settle_batching()
        train_dataloader.set_batching(batching)
        if self._trainer.is_world_process_zero():
            print(f"{batching} micro-batches, {train_dataloader.padding():.1%} of them padding", flush=True)


class PolicyTrainer(Trainer):
    """Trains a policy on rows of prompt and completion tokens.

    Args:
        model: prepared by `policy.deliver_logprobs`.
        args: `gradient_accumulation_steps` times the number of processes are the micro-batches of a step.
        loss: name in `losses.LOSSES`.
        options: of the loss.
        rows: to train on.
        batch_size: rows of an optimizer step, over all ranks and micro-batches.
        batching: how rows are put together.
        reduction: whether the loss is a mean over a step's tokens, or one over its micro-batches' means.
        may_rebatch: whether they may be put together in the other way where this one is wrong for the model.
        micro_tokens: what micro-batches are filled up to, tokens with padding; None for equally many rows.
        held_out: rows to evaluate on.
        companions: what stands beside the weights wherever they are saved.
        save_dtype: of the trained model; None for that of its weights.
        others: Trainer's own arguments.
    """

    # The loss is divided by the step's global token count at once: nothing is left to average over micro-batches.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        *,
        loss: str,
        options: Options,
        rows: Rows,
        batch_size: int,
        batching: Batching,
        reduction: Reduction = "step",
        may_rebatch: bool = False,
        micro_tokens: int | None = None,
        held_out: Rows | None = None,
        companions: Companions | None = None,
        save_dtype: torch.dtype | None = None,
        **others: Any,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=rows, eval_dataset=held_out, **others)
        self.remove_callback(PrinterCallback)
        self._loss, self._options = LOSSES[loss], options
        self._batch_size, self._batching, self._may_rebatch = batch_size, batching, may_rebatch
        self._reduction, self._micro_tokens = reduction, micro_tokens
        self._companions, self._save_dtype = companions, save_dtype
        self.add_callback(_Check(self))
        self._since_log = Collected()

    def create_accelerator_and_postprocess(self) -> None:
        """Trainer's own, with FSDP and DeepSpeed set right."""
        super().create_accelerator_and_postprocess()
        prepare_sharding(self.accelerator)

    def settle_batching(self) -> Batching:
        """How rows are put together, after a comparison of a few with the model's own forward pass.

        Raises:
            InputError: the model's log-probs are not its own.
        """
        on_cpu, wanted = self.args.device.type == "cpu", self._may_rebatch or self._batching == "packed"
        if on_cpu and wanted and separate_rows(unwrap_peft_model(self.model)):
            self._batching = "packed"
        model, rows = self.model_wrapped, probe(self.train_dataset)
        model.eval()

        def measure(batching: Batching | None) -> float:
            return self.accelerator.gather(deviation(model, rows, batching)[None]).max().item()

        half = self.accelerator.mixed_precision != "no" or self.model.dtype != torch.float32
        name = type(unwrap_peft_model(self.model)).__name__
        self._batching, note = settle(measure, self._batching, self._may_rebatch, half, name)
        if note and self.is_world_process_zero():
            print(note, flush=True)
        return self._batching

    def get_train_dataloader(self) -> DataLoader:
        """This rank's micro-batches of an epoch; Accelerate would pad the last step with rows seen already."""
        accumulation = self.args.gradient_accumulation_steps
        seed = self.args.data_seed if self.args.data_seed is not None else self.args.seed
        return self._loader(self.train_dataset, self._batch_size, accumulation, seed, self._micro_tokens)

    def _loader(
        self, rows: Rows, batch_size: int, accumulation: int, seed: int | None, budget: int | None = None
    ) -> DataLoader:
        rank, world = self.args.process_index, self.args.world_size
        return _EpochLoader(
            rows,
            batch_sampler=StepSampler(
                rows.lengths, batch_size, accumulation, self._batching, seed, rank, world, rows.mixture, budget
            ),
            collate_fn=partial(collate, batching=self._batching),
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            persistent_workers=self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
            multiprocessing_context=self.args.dataloader_multiprocessing_context,
            in_order=self.args.dataloader_in_order,
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Any]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], Tensor]:
        """A step's micro-batches on this rank, and the weight of its completion tokens over all ranks."""
        self._since_log.start()
        batches = list(islice(epoch_iterator, num_batches))
        weight = sum(batch["extra"].weight.sum().item() for batch in batches)
        busy = [len(batch["extra"].ids) for batch in batches]
        weight, *busy = self.accelerator.reduce(torch.tensor([weight, *busy], device=device), "sum")
        for batch, rows in zip(batches, busy, strict=True):
            batch["idle"] = not rows  # on all ranks
        return batches, weight

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Forward and backward of a micro-batch; after a step's last one, importance weights are normalized."""
        if inputs["idle"]:
            return torch.zeros((), device=self.args.device)
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self._options.self_normalize and self.accelerator.sync_gradients:
            # Weights are constants to the gradient, so dividing it is dividing them, once their mean is known.
            weights = self._since_log.step_weights()
            mean = float(self.accelerator.reduce(weights, "sum") / num_items_in_batch)
            for parameter in model.parameters():
                if parameter.grad is not None and mean > 0:
                    parameter.grad.div_(mean)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Sum of the micro-batch's loss terms, each times its row's weight, over that of all the step's (`reduction`).

        Args:
            model: as wrapped.
            inputs: of `collate`.
            return_outputs: whether to return `logprobs` and `entropy`, `[tokens]`, too.
            num_items_in_batch: weight of the step's completion tokens over all ranks; None for this micro-batch alone.

        Raises:
            DivergedError: a term is not finite.
        """
        logprobs, entropy, evaluated = self._evaluate_loss(model, inputs)
        finite = evaluated.terms.isfinite() & evaluated.weights.isfinite()
        if not finite.all():
            sequences = inputs["extra"].sequence[~finite.cpu()].unique().tolist()
            ids = [inputs["extra"].ids[sequence] for sequence in sequences]
            raise diverged(self.state.global_step + 1, "the loss", ids)
        weight = inputs["extra"].weight.to(logprobs.device)
        self._since_log.add(table(logprobs, entropy, evaluated, weight), inputs)
        total = (weight * evaluated.objective(logprobs)).sum()
        mean = total / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
        if num_items_in_batch is None:
            loss = mean
        elif self._reduction == "micro_batch":
            loss = mean / self.args.gradient_accumulation_steps
        else:  # DDP, FSDP and DeepSpeed average gradients over ranks; the loss is a sum over them
            loss = total * self.accelerator.num_processes / num_items_in_batch
        return (loss, {"logprobs": logprobs, "entropy": entropy}) if return_outputs else loss

    def _evaluate_loss(self, model: nn.Module, inputs: dict[str, Any]) -> tuple[Tensor, Tensor, Evaluated]:
        reference = self._reference(model, inputs)
        logprobs, entropy = model(**{name: inputs[name] for name in INPUTS})
        extra = inputs["extra"]
        known = (column.to(logprobs.device) for column in (extra.behavior, reference, extra.sequence))
        return logprobs, entropy, evaluate(self._loss, Tokens(logprobs, *known), self._options)

    def _reference(self, model: nn.Module, inputs: dict[str, Any]) -> Tensor:
        """`[tokens]` log-probs under the policy before training, nats; NaN where they are unknown."""
        return inputs["extra"].reference

    @torch.no_grad()
    def evaluate(
        self, eval_dataset: Rows | None = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """The loss and its figures over all completion tokens of the held-out rows."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        model = self.model_wrapped
        model.eval()  # DeepSpeed's engine does not return itself
        collected = Collected()
        size = self.args.per_device_eval_batch_size * self.args.world_size
        for batch in self._loader(rows, size, accumulation=1, seed=None):
            inputs = self._prepare_inputs(batch)
            collected.add(table(*self._evaluate_loss(model, inputs), inputs["extra"].weight), inputs)
        figures = summarize(self._over_ranks(collected.tokens()), self_normalize=self._options.self_normalize)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the figures of the steps since the last time.

        Raises:
            DivergedError: their gradient is not finite.
        """
        if "learning_rate" in logs:
            collected, self._since_log = self._since_log, Collected()
            if not math.isfinite(logs.get("grad_norm", 0.0)) and not self.args.fp16:  # fp16's scaler skips such a step
                raise diverged(self.state.global_step, "the gradient", collected.ids)
            figures = summarize(self._over_ranks(collected.tokens()), self_normalize=self._options.self_normalize)
            tokens, positions = self._sums(collected.real_tokens, collected.positions)
            logs |= figures | {
                "tokens_per_second": tokens / collected.seconds(),
                "padding_share": 1 - tokens / positions,
                "peak_memory_gib": peak_memory_gib(self.args.device),
            }
        super().log(logs, start_time)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Trainer's own, with tokenizer and `run.json` beside every checkpoint, and a card beside the trained model."""
        folder, output = Path(output_dir or self.args.output_dir), Path(self.args.output_dir)
        if self.is_fsdp_enabled and folder == output:  # checkpoints may be sharded, the trained model is whole
            self.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
        if self.is_fsdp_enabled and self.args.should_save:  # beside shards, which `accelerate merge-weights` joins
            self.model.config.save_pretrained(folder)
            self.model.generation_config.save_pretrained(folder)
        if self._companions and self.args.should_save:
            self._companions.accompany(folder)
            if folder == output or self.args.push_to_hub:  # a push takes what stands in the run's directory
                self._companions.accompany(output)
                self.create_model_card()
        super().save_model(output_dir, _internal_call)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        if state_dict:  # gathered from shards, where tied weights are no longer one
            state_dict = {name: t for name, t in state_dict.items() if name not in self.model.all_tied_weights_keys}
        if self._save_dtype is None or Path(output_dir or self.args.output_dir) != Path(self.args.output_dir):
            return super()._save(output_dir, state_dict)
        super()._save(output_dir, as_dtype(state_dict or self.model.state_dict(), self._save_dtype))
        self.model.config.dtype = self._save_dtype
        self.model.config.save_pretrained(self.args.output_dir)

    def create_model_card(self, **_: Any) -> None:
        """Write the run's README.md: ours, not Trainer's draft."""
        if self._companions and self.is_world_process_zero():
            self._companions.write_card(
                getattr(self, "hub_model_id", None) or Path(self.args.output_dir).absolute().name
            )

    def _over_ranks(self, tokens: Tensor) -> Tensor:
        """`[columns, tokens]` of all ranks."""
        if self.args.world_size == 1:
            return tokens
        padded = self.accelerator.pad_across_processes(tokens.T.contiguous(), dim=0, pad_index=float("nan"))
        gathered = self.accelerator.gather(padded).T
        return gathered[:, ~gathered[0].isnan()]

    def _sums(self, *values: int) -> list[int]:
        return self.accelerator.reduce(torch.tensor(values, device=self.args.device), "sum").tolist()
