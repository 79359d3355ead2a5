"""Settings and flags that say which model is trained, in which precision, and which of its weights."""

import argparse
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from builder.config import Frozen

Dtype = Literal["float32", "bfloat16"]
Attention = Literal["auto", "sdpa", "eager", "flash_attention_2"]
LoraSave = Literal["merged", "adapter"]

_LORA = ("rank", "alpha", "dropout", "target_modules", "save")


class ModelSettings(Frozen):
    """The model that is trained; see the command line's help."""

    model: str | None = None
    model_revision: str | None = None
    target: str | None = None
    dtype: Dtype = "float32"
    save_dtype: Dtype | None = None
    attention: Attention = "auto"
    load_in_4bit: bool = False
    lora: bool = False
    lora_rank: int = Field(16, ge=1)
    lora_alpha: float = Field(32.0, gt=0)
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    lora_target_modules: Annotated[tuple[str, ...], Field(min_length=1)] = ("all-linear",)
    lora_save: LoraSave = "merged"

    @property
    def adapter(self) -> dict[str, Any] | None:
        """What decides the adapter, as JSON; None where all weights are trained."""
        if not self.lora:
            return None
        facts = {name: getattr(self, f"lora_{name}") for name in _LORA}
        return facts | {"target_modules": list(self.lora_target_modules), "load_in_4bit": self.load_in_4bit}


LORA_OPTIONS = (*(f"lora_{name}" for name in _LORA), "load_in_4bit")
"""Settings that have no effect without `lora`."""


def add_model_arguments(p: argparse.ArgumentParser) -> None:
    """Add them to a command line, in groups of their own."""
    model = p.add_argument_group("model")
    model.add_argument("--model", metavar="DIR|REPO", help="default: the policy that wrote the release")
    model.add_argument("--model-revision", metavar="REV", help="of a Hub model")
    model.add_argument("--target", metavar="NAME|FILE", help="whose chat template to use, with --data text")
    model.add_argument("--dtype", choices=get_args(Dtype), help="of the weights (default: float32; see --bf16)")
    model.add_argument("--save-dtype", choices=get_args(Dtype), help="of the trained model (default: --dtype)")
    model.add_argument(
        "--attention",
        choices=get_args(Attention),
        help="how it is computed (default: auto, flash_attention_2 where that can be, else Transformers' choice)",
    )

    lora = p.add_argument_group("low-rank adapters (LoRA, with peft)")
    lora.add_argument("--lora", action="store_true", help="train an adapter, and leave the model's weights as they are")
    lora.add_argument("--lora-rank", type=int, metavar="R", help="of its matrices (default: 16)")
    lora.add_argument("--lora-alpha", type=float, metavar="A", help="it is scaled by A / R (default: 32)")
    lora.add_argument("--lora-dropout", type=float, metavar="P", help="of what goes into it (default: 0)")
    lora.add_argument(
        "--lora-target-modules",
        nargs="+",
        metavar="NAME",
        help="layers that get one, such as q_proj v_proj (default: all-linear, all but the head)",
    )
    lora.add_argument(
        "--lora-save",
        choices=get_args(LoraSave),
        help="merged: a model like any other, with the adapter in adapter/ (default); adapter: it alone",
    )
    lora.add_argument(
        "--load-in-4bit", action="store_true", help="QLoRA: the model's own weights in 4 bits (bitsandbytes, on a GPU)"
    )
