"""Low-rank adapters (Hu et al. 2021), by peft: added to a model before training, folded into its weights after it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils import CONFIG_NAME
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel, set_seed

from builder.errors import InputError
from builder.machine.atomic import write_atomically
from trainers.model.settings import ModelSettings


@dataclass(frozen=True)
class Base:
    """The model that an adapter belongs to.

    Attributes:
        path: its directory on this machine.
        name: as others may load it: of a Hub repository, or the directory.
        revision: commit of the repository, or hash of the files.
    """

    path: Path
    name: str
    revision: str

    def name_in(self, adapter: Path) -> None:
        """Let a saved adapter say which model it belongs to, where peft says where that was loaded from."""
        file = adapter / CONFIG_NAME
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        commit = (
            self.revision if re.fullmatch(r"[0-9a-f]{40}", self.revision) else None
        )  # else of files on this machine
        config |= {"base_model_name_or_path": self.name, "revision": commit}
        write_atomically(file, json.dumps(config, indent=2) + "\n")


def add_adapter(model: PreTrainedModel, settings: ModelSettings, seed: int) -> PeftModel:
    """Freeze a model and put a new adapter, the size of the settings, beside its linear layers.

    Args:
        model: changed in place.
        settings: with `lora_*`.
        seed: draws the first matrices; the second ones are zero, so that training starts at the model itself.

    Raises:
        InputError: the model has no such layers, or the head is among them.
    """
    named = settings.lora_target_modules
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=named[0] if named == ("all-linear",) else list(named),
    )
    head = model.get_output_embeddings()
    set_seed(seed)
    try:
        policy = get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"--lora-target-modules {' '.join(named)}: {' '.join(str(error).split())}") from None
    if model.get_output_embeddings() is not head:
        raise InputError(
            "--lora-target-modules: the head cannot have an adapter, since log-probs are made of its matrix"
        )
    policy.create_or_update_model_card = lambda folder: None  # a run writes a card of its own
    return policy


@contextmanager
def all_adapters_run(policy: PeftModel) -> Iterator[None]:
    """Watch a forward pass for layers that never run, because the model reads their weights by itself.

    Their adapters would learn nothing, and change the model as soon as they are added to its weights. Experts that no
    token goes to are another matter.

    Raises:
        InputError: there are such layers.
    """
    layers = {name: module for name, module in policy.named_modules() if isinstance(module, LoraLayer)}
    idle = {name for name in layers if ".experts." not in name}
    hooks = [layers[name].register_forward_hook(lambda *_, name=name: idle.discard(name)) for name in idle]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if idle:
        names = ", ".join(sorted({name.rpartition(".")[2] for name in idle}))
        model = type(policy.get_base_model()).__name__
        raise InputError(f"--lora-target-modules: {model} uses the weights of {names} by itself; name other layers")


def merge_adapter(base: Path, adapter: Path, output: Path, dtype: torch.dtype) -> None:
    """Write a model like any other: the base's weights with the adapter added, W + (A/R)·BA.

    Args:
        base: directory of the model that the adapter was trained on.
        adapter: directory of the adapter, with the `generation_config.json` that says where turns end.
        output: directory that the model is written to.
        dtype: of its weights.
    """
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, use_safetensors=True, local_files_only=True)
    merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.generation_config = GenerationConfig.from_pretrained(adapter)
    for config in (merged.config, merged.config.get_text_config()):
        config.eos_token_id = merged.generation_config.eos_token_id
    merged.save_pretrained(output)
