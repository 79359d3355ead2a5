"""The hostile corpus: nasty golds and responses with the verdict that each must get.

Short ones stand in `corpus.yaml`. Long ones are made here, one function call an entry; each is a hazard of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

TABLE = Path(__file__).with_name("corpus.yaml")
MEGABYTE = 1 << 20
# What cannot be decided in time, or not in the memory that a worker has; which of the two it is, the machine decides.
UNDECIDED = ("timeout", "error")


class Entry(NamedTuple):
    """One entry; `better` is a careful mathematician's verdict where that is not the one it gets."""

    kind: str
    gold: str
    response: str
    verdicts: tuple[str, ...]
    why: str = ""
    better: str | None = None


def corpus() -> list[Entry]:
    """All entries, always in the same order."""
    return [*_table(), *_heavy(), *_large()]


def _table() -> Iterator[Entry]:
    for kind, rows in yaml.safe_load(TABLE.read_text(encoding="utf-8")).items():
        for gold, response, verdict, *rest in rows:
            yield Entry(kind, gold, response, (verdict,), *rest)


def _heavy() -> Iterator[Entry]:
    """Short texts that stand for numbers or terms which nobody can compute."""
    towers = {
        "9^{9^{9^{9}}}": UNDECIDED,
        "9^{9^{9^{9^{9^{9}}}}}": UNDECIDED,
        "2^{2^{2^{2^{2^{2}}}}}": UNDECIDED,
        "10^{10^{10}}": UNDECIDED,
        "-10^{10^{10}}": UNDECIDED,
        "10^{-10^{10}}": UNDECIDED,
        "0.1^{10^{10}}": UNDECIDED,
        "1.0000001^{10^{15}}": UNDECIDED,
        "10000000!": UNDECIDED,
        "((9!)!)!": UNDECIDED,
        "9!!!!!!!!": UNDECIDED,
        r"\binom{10^{9}}{5 \cdot 10^{8}}": UNDECIDED,
        r"\sum_{n=1}^{10^{9}} \frac{1}{n}": UNDECIDED,
        r"\prod_{n=1}^{10^{9}} n": UNDECIDED,
        r"\int_0^1 e^{x^{x^x}} \sin(\cos(x^x)) dx": UNDECIDED,
        r"\lim_{x \to \infty} \left(1 + \frac{1}{x}\right)^{x^{x^x}}": UNDECIDED,
        r"\sqrt[10^{10}]{10^{10^{10}}}": UNDECIDED,
        r"\log_{2}(10^{10^{10}})": UNDECIDED,
        r"\tan(10^{10^{10}})": UNDECIDED,
        r"10^{10^{10}} \bmod 7": UNDECIDED,
        r"\gcd(10^{10^{10}}, 6)": UNDECIDED,
        r"(x+y+z+w+v)^{300} - (v+w+x+y+z)^{300} + x": UNDECIDED,
    }
    for text, verdicts in towers.items():
        yield Entry("huge numbers and terms", "5", rf"\boxed{{{text}}}", (*verdicts, "incorrect", "no_answer"))
    yield Entry("huge numbers and terms", "9^{9^{9^{9}}}", r"\boxed{5}", (*UNDECIDED, "incorrect"), "the gold hangs")
    yield Entry("huge numbers and terms", "9^{9^{9^{9}}}", r"\boxed{9^{9^{9^{9}}}}", (*UNDECIDED, "correct"))
    yield Entry("huge numbers and terms", "10000000!", r"\boxed{5}", (*UNDECIDED, "incorrect"))
    yield Entry("huge numbers and terms", "0", r"\boxed{10^{10^{10}} - 10^{10^{10}}}", (*UNDECIDED, "correct"))


def _large() -> Iterator[Entry]:
    """Small things many times over."""
    deep = 3_000
    for kind, gold, response, verdicts in (
        ("nesting", "5", r"\boxed{" + "(" * deep + "5" + ")" * deep + "}", (*UNDECIDED, "correct", "no_answer")),
        ("nesting", "5", r"\boxed{" + "{" * deep + "5" + "}" * deep + "}", (*UNDECIDED, "correct", "no_answer")),
        ("nesting", "5", r"\boxed{" * deep + "5" + "}" * deep, (*UNDECIDED, "correct", "no_answer")),
        ("nesting", "5", r"\boxed{" * deep + "5", ("no_answer",)),
        ("nesting", "5", "{" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("nesting", "5", "}" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("nesting", "5", r"\boxed{" + r"\frac{1}{" * deep + "5" + "}" * deep + "}", (*UNDECIDED, "incorrect")),
        ("nesting", "5", r"\boxed{" + r"\sqrt{" * deep + "5" + "}" * deep + "}", (*UNDECIDED, "incorrect")),
        (
            "nesting",
            "5",
            r"\boxed{" + r"\text{" * deep + "5" + "}" * deep + "}",
            (*UNDECIDED, "incorrect", "no_answer"),
        ),
        ("nesting", "5", r"\boxed{" + r"\left(" * deep + "5" + r"\right)" * deep + "}", (*UNDECIDED, "no_answer")),
        ("nesting", "5", r"\boxed{" + "[" * deep + "5" + "]" * deep + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("nesting", "5", r"\boxed{" + r"\{" * deep + "5" + r"\}" * deep + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("nesting", "5", r"\boxed{" + "|" * deep + "5" + "|" * deep + "}", (*UNDECIDED, "no_answer", "incorrect")),
        ("nesting", "{" * deep + "5" + "}" * deep, r"\boxed{5}", (*UNDECIDED, "correct")),
        ("nesting", "5", r"\boxed{" + r"x^{" * deep + "5" + "}" * deep + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("nesting", "5", r"\boxed{" + r"x_{" * deep + "5" + "}" * deep + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", "word " * (MEGABYTE // 5) + r"\boxed{5}", ("correct",)),
        ("megabytes", "5", r"\boxed{5}" + " word" * (MEGABYTE // 5), ("correct",)),
        ("megabytes", "5", "word " * (MEGABYTE // 5), ("no_answer",)),
        ("megabytes", "5", "5 " * (MEGABYTE // 2), ("correct",)),
        ("megabytes", "5", r"\boxed{" + "5" * MEGABYTE + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", r"\boxed{" + "x" * MEGABYTE + "}", (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", r"\boxed{" + " " * MEGABYTE + "5}", ("correct",)),
        ("megabytes", "5", r"\boxed{" + "1+" * 20_000 + "1}", (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", r"\boxed{" + "1," * 20_000 + "1}", (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", r"\boxed{" + "-" * 10_000 + "5}", (*UNDECIDED, "correct", "no_answer", "incorrect")),
        ("megabytes", "5", r"\boxed{5}" * 100_000, ("correct",)),
        ("megabytes", "5", r"\boxed{5} and " * 100_000, ("correct",)),
        ("megabytes", "5", "".join(rf"\boxed{{{n}}}, " for n in range(5_000)), (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", "\\" * MEGABYTE + "boxed{5}", ("correct",)),
        ("megabytes", "5", "\\" * (MEGABYTE + 1) + "boxed{5}", ("correct",)),
        ("megabytes", "5", "#" * MEGABYTE + " 5", ("correct",)),
        ("megabytes", "5", "$" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("megabytes", "5", "\x00" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("megabytes", "5", r"\boxed{5" + "\x00" * 200_000 + "}", ("correct",)),
        ("megabytes", "5", r"\boxed{5" + "\u200b" * 200_000 + "}", ("correct",)),
        ("megabytes", "5", "\n" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("megabytes", "5", "é" * MEGABYTE + r"\boxed{5}", ("correct",)),
        ("megabytes", "5", "answer is " * 50_000, (*UNDECIDED, "no_answer")),
        ("megabytes", "5", "final answer is $" * 50_000, (*UNDECIDED, "no_answer", "incorrect")),
        ("megabytes", "5", "The answer is " + "1" * 4_000, (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", "The answer is " + "1 " * 2_000, (*UNDECIDED, "incorrect")),
        ("megabytes", "5", "The answer is " + "(1+" * 1_000, (*UNDECIDED, "incorrect", "no_answer")),
        ("megabytes", "5", "The answer is $" + "x" * 4_000, (*UNDECIDED, "no_answer", "incorrect")),
        ("megabytes", "5", r"\boxed{0." + "3" * 100_000 + "}", (*UNDECIDED, "incorrect", "no_answer")),
        (
            "megabytes",
            "5",
            r"\boxed{\begin{pmatrix}" + r"1 & 2 \\ " * 5_000 + r"\end{pmatrix}}",
            (*UNDECIDED, "incorrect"),
        ),
        ("megabytes", "1" * 100_000, r"\boxed{5}", (*UNDECIDED, "incorrect")),
        ("megabytes", "x" * 100_000, r"\boxed{5}", (*UNDECIDED, "incorrect")),
    ):
        yield Entry(kind, gold, response, verdicts)
