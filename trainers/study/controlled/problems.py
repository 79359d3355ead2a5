"""Word problems of four families, each with its steps: the same steps for whoever writes the solution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jon", "Kira", "Leo", "Mona", "Nils")
_THINGS = ("apples", "books", "cards", "coins", "cups", "eggs", "marbles", "pens", "shells", "stamps")


@dataclass(frozen=True)
class Step:
    """One operation on two whole numbers.

    Attributes:
        left, right: the numbers.
        operator: `+`, `-`, `*` or `/`.
        result: a whole number.
        found: what it counts.
    """

    left: int
    operator: str
    right: int
    result: int
    found: str

    @property
    def equation(self) -> str:
        """As a numeric equation."""
        return f"{self.left} {self.operator} {self.right} = {self.result}"


@dataclass(frozen=True)
class Problem:
    """A problem of a family.

    Attributes:
        family: name in `FAMILIES`.
        text: the problem.
        steps: that solve it, in their order.
    """

    family: str
    text: str
    steps: tuple[Step, ...]

    @property
    def answer(self) -> int:
        """The result of the last step."""
        return self.steps[-1].result


Fields = dict[str, int | str]
Made = tuple[Fields, tuple[Step, ...]]


def _stock(rng: Random, things: str) -> Made:
    a, b = rng.randint(11, 60), rng.randint(5, 40)
    c = rng.randint(3, a + b - 5)
    steps = (Step(a, "+", b, a + b, f"{things} in all"), Step(a + b, "-", c, a + b - c, f"{things} left"))
    return {"a": a, "b": b, "c": c}, steps


def _boxes(rng: Random, things: str) -> Made:
    n, m, k = rng.randint(2, 9), rng.randint(3, 12), rng.randint(3, 30)
    steps = (Step(n, "*", m, n * m, f"{things} in boxes"), Step(n * m, "+", k, n * m + k, f"{things} in all"))
    return {"n": n, "m": m, "k": k}, steps


def _shares(rng: Random, things: str) -> Made:
    n, each, k = rng.randint(2, 9), rng.randint(3, 12), rng.randint(2, 15)
    total = n * each + k
    steps = (Step(total, "-", k, n * each, f"{things} to share"), Step(n * each, "/", n, each, f"{things} for each"))
    return {"total": total, "k": k, "n": n}, steps


def _pair(rng: Random, things: str) -> Made:
    a, b = rng.randint(8, 40), rng.randint(3, 25)
    steps = (Step(a, "+", b, a + b, f"{things} the other has"), Step(a, "+", a + b, 2 * a + b, f"{things} together"))
    return {"a": a, "b": b}, steps


@dataclass(frozen=True)
class Family:
    """Problems of one structure.

    Attributes:
        make: numbers and steps.
        told: how its problems are told, in D and in tests of D's families.
        retold: other phrasings of the same, in a test alone.
    """

    make: Callable[[Random, str], Made]
    told: tuple[str, ...]
    retold: tuple[str, ...]


FAMILIES = {
    "stock": Family(
        _stock,
        (
            "{name} has {a} {things}, buys {b} more and gives {c} away. How many {things} does {name} have left?",
            "{name} starts with {a} {things}. Then {name} gets {b} more and loses {c}. How many {things} are left?",
        ),
        (
            "After selling {c} {things} out of {a} old ones and {b} new ones, how many {things} does {name} still own?",
            "A shelf holds {a} {things}. {name} adds {b} to it, and later {c} are taken away. What number of {things} "
            "is on the shelf now?",
        ),
    ),
    "boxes": Family(
        _boxes,
        (
            "{name} has {n} boxes with {m} {things} each, and {k} more {things}. How many {things} does {name} have?",
            "There are {n} boxes. Each holds {m} {things}. {k} {things} lie beside them. How many {things} are there?",
        ),
        (
            "{name} fills {n} bags, {m} {things} to a bag, and {k} {things} do not fit. Find the number of {things}.",
            "Besides {k} loose {things}, {name} owns {n} packs of {m}. What is the total number of {things}?",
        ),
    ),
    "shares": Family(
        _shares,
        (
            "{name} has {total} {things}, keeps {k} and shares the rest equally among {n} friends. How many {things} "
            "does each friend get?",
            "Of {total} {things}, {name} keeps {k}. The others are divided equally among {n} friends. How many does "
            "each get?",
        ),
        ("{n} friends split {total} {things} evenly after {name} has put {k} aside. What does each of them receive?",),
    ),
    "pair": Family(
        _pair,
        (
            "{name} has {a} {things}. {other} has {b} more than {name}. How many {things} do they have together?",
            "{name} owns {a} {things}, and {other} owns {b} more than that. How many {things} do both own together?",
        ),
        ("{other} counts {b} {things} more than {name}, who counts {a}. What do the two count together?",),
    ),
}


def problems(count: int, families: Sequence[str], seed: str, *, retold: bool = False) -> list[Problem]:
    """Distinct problems, the families in turn.

    Args:
        count: how many.
        families: names in `FAMILIES`.
        seed: of the names, things and numbers; no two sets of different seeds need be disjoint.
        retold: whether in other phrasings.
    """
    rng, made = Random(f"controlled {seed}"), dict[str, Problem]()
    while len(made) < count:
        name = families[len(made) % len(families)]
        family, things = FAMILIES[name], rng.choice(_THINGS)
        fields, steps = family.make(rng, things)
        one, other = rng.sample(_NAMES, 2)
        template = rng.choice(family.retold if retold else family.told)
        text = template.format(name=one, other=other, things=things, **fields)
        made.setdefault(text, Problem(name, text, steps))
    return list(made.values())
