"""The model as it is trained: loaded, told where turns end, with an adapter if asked for, answering with log-probs."""

from importlib.util import find_spec

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedModel, TrainingArguments

from trainers.arguments import Settings
from trainers.batches import Batching
from trainers.lora import add_adapter
from trainers.policy import deliver_logprobs
from trainers.saving import end_turns_with
from trainers.source import Source


def load_policy(source: Source, settings: Settings, args: TrainingArguments) -> PreTrainedModel | PeftModel:
    """The model of a run, ready for a trainer.

    Raises:
        InputError: it cannot be trained here, or has no such layers as an adapter is wanted for.
    """
    flash = torch.cuda.is_available() and find_spec("flash_attn") is not None
    model = AutoModelForCausalLM.from_pretrained(
        source.model.path,
        dtype=getattr(torch, settings.dtype),
        attn_implementation="flash_attention_2" if flash else None,
        use_safetensors=True,
        local_files_only=True,
    )
    end_turns_with(model, source.stop_ids)
    policy = add_adapter(model, settings, args.seed) if settings.lora else model
    deliver_logprobs(model)
    return policy


def batching(settings: Settings, model: PreTrainedModel | PeftModel) -> Batching:
    """How rows are put together unless the model turns out to be wrong that way."""
    if settings.batching != "auto":
        return settings.batching
    return "packed" if "flash" in str(model.config._attn_implementation) else "bucketed"
