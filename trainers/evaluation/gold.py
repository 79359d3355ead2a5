"""What counts as right for one problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trainers.evaluation.notation import number_in, readable, spaced, words_in

RELATIVE_TOLERANCE = Decimal("1e-4")  # of the Qwen2.5-Math evaluation, which the paper's repository uses


@dataclass(frozen=True)
class Gold:
    """The reference answer of one problem.

    Attributes:
        stated: as the benchmark has it, several values joined by commas.
        text: what the verifier compares with.
        unit: the unit that the benchmark names apart; "" if none.
        multiple: whether there are several answers.
        number: the value, if the answer is a single decimal number.
        tolerance: how far a decimal number may be off, absolute; 0 demands equality.
        words: what it says, if it is a text answer.
    """

    stated: str
    text: str
    unit: str = ""
    multiple: bool = False
    number: Decimal | None = None
    tolerance: Decimal = Decimal(0)
    words: str | None = None


def gold_from(values: Sequence[str], unit: str = "", error: str = "", multiple: bool = False) -> Gold:
    """The gold of a benchmark's answer field.

    Args:
        values: the answers as stated; usually one text, which may hold several values itself.
        unit: what OlympiadBench names in its field `unit`.
        error: the absolute error that OlympiadBench allows in its field `error`.
        multiple: whether the benchmark says that there are several answers.

    Raises:
        ValueError: there is no answer, or `error` is not a number.
    """
    stated = ", ".join(values)
    text = ", ".join(filter(None, map(readable, values)))
    if not text:
        raise ValueError("no answer")
    if multiple or len(values) > 1:
        return Gold(stated, spaced(text), unit, multiple=True)
    number = number_in(text)
    return Gold(stated, text, unit, number=number, tolerance=_tolerance(text, number, error), words=words_in(text))


def _tolerance(text: str, number: Decimal | None, error: str) -> Decimal:
    if error:
        stated = number_in(readable(error))
        if stated is None:
            raise ValueError(f"field 'error' is {error!r}, which is not a number")
        return abs(stated)
    rounded = number is not None and ("." in text or "10^" in text)
    return abs(number) * RELATIVE_TOLERANCE if rounded else Decimal(0)
