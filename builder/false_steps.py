"""False steps: explicit numeric equations of a text that do not hold.

`105 - 56 + 49 = 143` is one, whatever the answer at the end of the text. Only what can be read with certainty is
judged: an equation is passed over where a variable, a word or a unit may change what it says.
"""

from dataclasses import dataclass

from builder.equations.agreement import Agreement, agreement, is_remainder
from builder.equations.doubts import is_doubtful
from builder.equations.reading import Reading, read


@dataclass(frozen=True)
class Equation:
    """An equation as it stands in a text, `text[start:end]`, and whether it holds."""

    text: str
    start: int
    end: int
    holds: bool


def false_steps(text: str) -> list[str]:
    """The explicit numeric equations of a text that do not hold, as they stand in it, in order."""
    return [equation.text for equation in checked_equations(text) if not equation.holds]


def checked_equations(text: str) -> list[Equation]:
    """The explicit numeric equations of a text that could be judged, in order."""
    equations = []
    for reading in read(text):
        holds = _holds(reading)
        if holds is not None:
            said = text[reading.start : reading.end]
            equations.append(Equation(said, reading.start, reading.end, holds))
    return equations


def _holds(reading: Reading) -> bool | None:
    """Whether an equation holds; None where that is in doubt."""
    if reading.remainder is not None:
        return is_remainder(reading.left.node, reading.right.node, reading.remainder)
    match agreement(reading.left.node, reading.right.node, reading.about):
        case Agreement.HOLDS:
            return True
        case Agreement.FAILS:
            return None if is_doubtful(reading) else False
    return None
