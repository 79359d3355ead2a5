"""The model as it is trained: loaded, told where turns end, with an adapter if asked for, answering with log-probs."""

from importlib.util import find_spec
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    PreTrainedModel,
    TrainingArguments,
)

from builder.errors import InputError
from trainers.arguments import Settings
from trainers.data.batches import Batching
from trainers.model.lora import add_adapter
from trainers.model.policy import deliver_logprobs
from trainers.model.settings import Attention
from trainers.training.saving import end_turns_with
from trainers.training.source import Source


def loading(source: Source, settings: Settings, args: TrainingArguments) -> dict[str, Any]:
    """How `from_pretrained` is to load the model; found out before anything is written.

    Raises:
        InputError: this machine or this model cannot do what is asked for.
    """
    half = settings.dtype == "bfloat16" or args.mixed_precision != "no"
    model_class = MODEL_FOR_CAUSAL_LM_MAPPING[type(AutoConfig.from_pretrained(source.model.path))]
    how: dict[str, Any] = {
        "dtype": getattr(torch, settings.dtype),
        "attn_implementation": attention(settings.attention, model_class, half),
    }
    if settings.load_in_4bit:
        how["quantization_config"] = four_bits(torch.bfloat16 if half else torch.float32)
    return how


def attention(wanted: Attention, model_class: type[PreTrainedModel], half: bool) -> str | None:
    """Transformers' name of the attention; None for what it takes by itself.

    Args:
        wanted: as the user says.
        model_class: of the model.
        half: whether it computes in 16 bits.

    Raises:
        InputError: it is not to be had here, with the reason.
    """
    if wanted in ("auto", "flash_attention_2"):
        obstacle = _flash_obstacle(model_class, half)
    elif wanted == "sdpa" and not model_class._supports_sdpa:
        obstacle = f"{model_class.__name__} does not support it"
    else:
        obstacle = None
    if wanted == "auto":
        return None if obstacle else "flash_attention_2"
    if obstacle:
        raise InputError(f"--attention {wanted}: {obstacle}; --attention auto takes what there is")
    return wanted


def _flash_obstacle(model_class: type[PreTrainedModel], half: bool) -> str | None:
    if not torch.cuda.is_available():
        return "it needs a GPU, and none is seen here"
    if not find_spec("flash_attn"):
        return "it needs `pip install flash-attn`"
    if not half:
        return "it computes in 16 bits only: add --bf16"
    return None if model_class._supports_flash_attn else f"{model_class.__name__} does not support it"


def four_bits(compute: torch.dtype) -> BitsAndBytesConfig:
    """Weights of 4 bits, as in QLoRA (Dettmers et al. 2023): NF4, with the scales quantized, too.

    Args:
        compute: what they are turned into where they are used.

    Raises:
        InputError: bitsandbytes or a GPU is missing.
    """
    if not find_spec("bitsandbytes"):
        raise InputError("--load-in-4bit needs `pip install bitsandbytes`")
    if not torch.cuda.is_available():
        raise InputError("--load-in-4bit needs a GPU, and none is seen here")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def load_policy(source: Source, settings: Settings, how: dict[str, Any], seed: int) -> PreTrainedModel | PeftModel:
    """The model of a run, ready for a trainer.

    Args:
        source: says which.
        settings: of the run.
        how: of `loading`.
        seed: draws a new adapter.

    Raises:
        InputError: it cannot be trained here, or has no such layers as an adapter is wanted for.
    """
    model = AutoModelForCausalLM.from_pretrained(source.model.path, use_safetensors=True, local_files_only=True, **how)
    end_turns_with(model, source.stop_ids)
    policy = add_adapter(model, settings, seed) if settings.lora else model
    deliver_logprobs(model)
    return policy


def batching(settings: Settings, model: PreTrainedModel | PeftModel) -> Batching:
    """How rows are put together unless the model turns out to be wrong that way."""
    if settings.batching != "auto":
        return settings.batching
    return "packed" if "flash" in str(model.config._attn_implementation) else "bucketed"
