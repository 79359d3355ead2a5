"""What a text must be besides right in its answer."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from builder.config.base import Frozen
from builder.machine.flags import Flag
from builder.method.kinds import OFF, Kind
from builder.method.rule_words import MEANING
from builder.texts.answers import LaxestForm


def _allow(what: str) -> Flag:
    """The flag that turns a rule off."""
    return Flag(f"keep a text although {MEANING[f'forbid_{what}']}", name=f"allow-{what.replace('_', '-')}")


class Rules(Frozen):
    """What a text must be besides right in its answer; `trailing`, null or false turns a rule off (docs/rules.md)."""

    accept_answers: Annotated[
        LaxestForm,
        Flag(
            'the laxest form of answer that counts: in a box; stated ("the answer is 12", "#### 12"); or merely '
            "trailing, the last number (default: %(default)s)"
        ),
    ] = "stated"
    forbid_contradictions: Annotated[bool, _allow("contradictions")] = True
    forbid_false_steps: Annotated[bool, _allow("false_steps")] = True
    forbid_echoes: Annotated[bool, _allow("echoes")] = True
    forbid_repetition: Annotated[bool, _allow("repetition")] = True
    forbid_talk: Annotated[bool, _allow("talk")] = True
    forbid_unreached: Annotated[bool, _allow("unreached")] = True
    forbid_unused: Annotated[bool, _allow("unused")] = True
    forbid_unsupported: Annotated[bool, _allow("unsupported")] = True
    forbid_unfounded: Annotated[bool, _allow("unfounded")] = True
    max_copy_rate: Annotated[
        float | None,
        BeforeValidator(lambda value: None if value == "off" else value),
        Flag(
            "reject a retelling if more than this share of its word 8-grams stands in the expert solution, or 'off' "
            "(default: %(default)s)",
            "RATE",
        ),
    ] = Field(0.8, ge=0, le=1)
    max_hint_reliance: Annotated[
        float | None,
        Flag(
            "reject a retelling that the expert's solution in its prompt made more than N nats a token likelier "
            "(default: no limit; docs/rules.md)",
            "N",
        ),
    ] = Field(None, ge=0)
    forbid_mentions: Annotated[bool, _allow("mentions")] = True

    @classmethod
    def named(cls, name: Literal["default", "paper"]) -> Self:
        """`default`, or `paper`: the answer alone decides, as in the paper (section 3.2)."""
        off = {field: False for field in cls.model_fields if field.startswith("forbid_")}
        return cls() if name == "default" else cls(accept_answers="trailing", max_copy_rate=None, **off)

    def on(self, kind: Kind) -> Self:
        """Those of them that can read a text of this kind (`builder.method.kinds`)."""
        return self.model_copy(update=dict.fromkeys(OFF[kind], False))

    @property
    def name(self) -> Literal["default", "paper", "custom"]:
        """Whose rules these are."""
        return self.name_on("value")

    def name_on(self, kind: Kind) -> Literal["default", "paper", "custom"]:
        """Whose rules these are for texts of a kind."""
        return next((name for name in ("default", "paper") if self == Rules.named(name).on(kind)), "custom")
