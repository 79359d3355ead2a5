"""A trainer of adapters: π_0 is the model with its adapter off, and what is saved is the adapter, or both as one."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import TrainingArguments

from trainers.data.batches import Batching
from trainers.model.lora import Base, all_adapters_run, merge_adapter
from trainers.model.parity import INPUTS
from trainers.training.trainer import PolicyTrainer

ADAPTER = "adapter"  # within the run's directory, beside the whole model


class LoraTrainer(PolicyTrainer):
    """Trains the adapter of a policy.

    Args:
        model: prepared by `policy.deliver_logprobs`, with an adapter of `lora.add_adapter`.
        args: as PolicyTrainer's.
        base: the model without its adapter.
        merge_into: dtype of the whole model that is saved in the end; None to save the adapter alone.
        base_is_reference: whether π_0 is computed, with the adapter off; otherwise it is what the rows say.
        others: PolicyTrainer's.
    """

    def __init__(
        self,
        model: PeftModel,
        args: TrainingArguments,
        *,
        base: Base,
        merge_into: torch.dtype | None,
        base_is_reference: bool,
        **others: Any,
    ) -> None:
        super().__init__(model, args, **others)
        self._base, self._merge_into, self._base_is_reference = base, merge_into, base_is_reference

    def settle_batching(self) -> Batching:
        """PolicyTrainer's own, which runs the model; every layer with an adapter must be part of that.

        Raises:
            InputError: one is not, or the model's log-probs are not its own.
        """
        with all_adapters_run(self.model):
            return super().settle_batching()

    def _reference(self, model: nn.Module, inputs: dict[str, Any]) -> Tensor:
        if not self._base_is_reference:
            return super()._reference(model, inputs)
        with torch.no_grad(), self.model.disable_adapter():
            return model(**{name: inputs[name] for name in INPUTS})[0]

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        whole = self._merge_into is not None and folder == Path(self.args.output_dir)
        adapter = folder / ADAPTER if whole else folder
        super()._save(str(adapter), state_dict)
        self.model.generation_config.save_pretrained(adapter)
        self._base.name_in(adapter)
        if whole:
            if self._companions:
                self._companions.accompany(adapter)
            merge_adapter(self._base.path, adapter, folder, self._merge_into)
