"""Command-line flags made from the fields of settings, so that a setting is said once: where its model declares it.

class Sampling(BaseModel):
    candidates: Annotated[int, Flag("candidates a phase", "N")] = Field(10, ge=1)
"""

import argparse
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Flag:
    """What a field is, and how the command line says it.

    Attributes:
        help: what the field is; `%(default)s` stands for the model's default.
        metavar: of its value; None for argparse's own.
        name: of the flag; None for the field's.
    """

    help: str
    metavar: str | None = None
    name: str | None = None


def add_flags(group: argparse._ActionsContainer, model: type[BaseModel], *fields: str, override: bool = False) -> None:
    """Add the flag of each field that has one.

    A choice, a whole number or a number is checked here; ranges, and what the model reads from text, by the model. The
    flag of a truth value turns it into the other one.

    Args:
        group: to add to.
        model: of the settings.
        fields: only these, in this order; none for all.
        override: what is not given is None and comes from somewhere else, not from the model's defaults.
    """
    for field in fields or model.model_fields:
        info = model.model_fields[field]
        if not (flag := _flag(info)):
            continue
        options: dict[str, Any] = {"action": "store_false" if info.default else "store_true"}
        if info.annotation is not bool:
            options = {**_value(info), "metavar": flag.metavar}
        group.add_argument(
            f"--{flag.name or field.replace('_', '-')}",
            dest=field,
            default=None if override else info.default,
            help=flag.help.replace("%(default)s", str(info.default)),
            **options,
        )


def given(args: argparse.Namespace, model: type[BaseModel]) -> dict[str, Any]:
    """What the command line says of a model, by field."""
    values = {field: getattr(args, field, None) for field, info in model.model_fields.items() if _flag(info)}
    return {field: value for field, value in values.items() if value is not None}


def flag_name(model: type[BaseModel], field: str) -> str:
    """How the command line calls a field."""
    flag = _flag(model.model_fields[field]) if field in model.model_fields else None
    return f"--{(flag and flag.name) or field.replace('_', '-')}"


def _flag(info: FieldInfo) -> Flag | None:
    return next((known for known in info.metadata if isinstance(known, Flag)), None)


def _value(info: FieldInfo) -> dict[str, Any]:
    """How argparse reads a value. Where null is not the default, the model has a word for it, and reads the text."""
    kinds = get_args(info.annotation) if isinstance(info.annotation, UnionType) else (info.annotation,)
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    as_text = kind not in (int, float) or (NoneType in kinds and info.default is not None)
    return {"type": str if as_text else kind}
