"""How precise the reader of false steps is: python -m scripts.audit_false_steps FILE --field answer

Prints every equation that it calls false, with its context, and totals. With `--corrupt`, the results of the equations
that hold are changed by a little, one at a time, and the share that is then called false is printed instead.
"""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.machine import cli
from builder.texts.false_steps import Equation, checked_equations, false_steps
from scripts.texts import read_texts

_CONTEXT = 100
_RESULT = re.compile(r"\d[\d,]*(?:\.\d+)?(?=\D*\Z)")


def corrupted(text: str, equation: Equation, chance: random.Random) -> str | None:
    """The text with the equation's result one more, one less, or with two digits swapped; None if it has no result."""
    found = _RESULT.search(equation.text)
    if found is None or equation.text[found.end() :].strip(" %$\\"):
        return None
    result = found[0]
    changes = {_plus(result, 1), _plus(result, -1), *_swaps(result)} - {result, None}
    start = equation.start + found.start()
    return text[:start] + chance.choice(sorted(changes)) + text[start + len(result) :] if changes else None


def _plus(result: str, step: int) -> str | None:
    """One more or less in the last place shown."""
    digits = re.sub(r"\D", "", result)
    changed = int(digits) + step
    if changed < 0 or len(str(changed)) > len(digits):
        return None
    if len(str(changed)) < len(digits) and "." not in result:
        return str(changed)
    return _with_digits(result, str(changed).zfill(len(digits)))


def _swaps(result: str) -> Iterator[str]:
    digits = re.sub(r"\D", "", result)
    for i in range(len(digits) - 1):
        if digits[i] != digits[i + 1] and (i or digits[1] != "0" or result.startswith("0")):
            yield _with_digits(result, digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :])


def _with_digits(result: str, digits: str) -> str:
    remaining = iter(digits)
    return "".join(next(remaining) if character.isdigit() else character for character in result)


def _audit(rows: list[str]) -> None:
    signs = read = equations = alarms = alarmed = 0
    for number, text in enumerate(rows, start=1):
        checked = checked_equations(text)
        wrong = [equation for equation in checked if not equation.holds]
        signs += "=" in text
        read += bool(checked)
        equations += len(checked)
        alarms += len(wrong)
        alarmed += bool(wrong)
        for equation in wrong:
            before, behind = text[max(0, equation.start - _CONTEXT) : equation.start], text[equation.end :][:_CONTEXT]
            print(f"{number}: {before}[[ {equation.text} ]]{behind}".replace("\n", " ⏎ "))
    print(f"texts {len(rows)}, with an equals sign {signs}, with an equation read {read}, equations read {equations}")
    print(f"alarms {alarms}, in {alarmed} texts ({alarmed / max(1, len(rows)):.2%})")


def _recall(rows: list[str], seed: int) -> None:
    chance = random.Random(seed)
    changed = caught = 0
    for number, text in enumerate(rows, start=1):
        for equation in checked_equations(text):
            wrong = corrupted(text, equation, chance) if equation.holds else None
            if wrong is None:
                continue
            changed += 1
            if len(false_steps(wrong)) > len(false_steps(text)):
                caught += 1
            else:
                print(f"{number}: {wrong[max(0, equation.start - _CONTEXT) :][: 2 * _CONTEXT]}".replace("\n", " ⏎ "))
    print(f"results changed {changed}, called false {caught} ({caught / max(1, changed):.1%})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the audit; returns the exit code.

    Raises:
        InputError: the file cannot be read.
    """
    p = cli.parser("python -m scripts.audit_false_steps", __doc__)
    p.add_argument("file", type=Path, metavar="FILE", help="JSONL or Parquet")
    p.add_argument("--field", default="solution", help="the field with the text (solution)")
    p.add_argument("--strip-calculator", action="store_true", help="take GSM8K's <<...>> out first")
    p.add_argument("--corrupt", action="store_true", help="measure recall on changed results")
    p.add_argument("--seed", type=int, default=0, help="of the changes (0)")
    options = p.parse_args(arguments)
    rows = read_texts(options.file, options.field, calculations=not options.strip_calculator)
    if options.corrupt:
        _recall(rows, options.seed)
    else:
        _audit(rows)
    return 0


if __name__ == "__main__":
    cli.run(main)
