"""The built-in source `arithmetic`: problems so small that even a very small model solves some of them."""

from random import Random

ROWS = 1_000

_NAMES = ("Ana", "Ben", "Chidi", "Dana", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena")
_THINGS = ("apples", "books", "cards", "coins", "marbles", "pencils", "shells", "stamps", "stickers", "stones")

_SUMS = ("What is {}?", "Calculate {}.", "Find the sum {}.", "Add the numbers: {}.")
_DIFFERENCES = ("What is {}?", "Calculate {}.", "Find the difference {}.", "Subtract: {}.")
_GAINS = (
    "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
    "There are {a} {things} in a box. {name} puts in {b} more. How many {things} are in the box?",
    "{name} found {a} {things} in the morning and {b} in the afternoon. How many {things} did {name} find?",
    "{name} has {a} {things}, and {other} has {b}. How many {things} do they have together?",
)
_LOSSES = (
    "{name} has {a} {things} and gives away {b}. How many {things} are left?",
    "There are {a} {things} on a table. {name} takes {b} of them. How many {things} stay on the table?",
    "{name} had {a} {things} and lost {b}. How many {things} does {name} still have?",
    "{name} has {a} {things}, and {other} has {b}. How many more {things} does {name} have?",
)


def arithmetic(seed: int) -> list[dict[str, str]]:
    r"""1,000 different problems with `problem`, a worked `solution` ending in `\boxed{}`, and `answer`.

    Sums of two or three and differences of two whole numbers below 100, more than half of them of one digit only, some
    four in ten as one-step word problems. No result is negative.
    """
    rng = Random(f"arithmetic-{seed}")
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < ROWS:
        row = rng.choice((_sum, _sum, _difference, _difference, _gain, _loss))(rng)
        rows.setdefault(row["problem"], row)
    return list(rows.values())


def _sum(rng: Random) -> dict[str, str]:
    terms = [_number(rng) for _ in range(rng.choice((2, 2, 2, 3)))]
    steps, total = [], terms[0]
    for term in terms[1:]:
        steps.append(f"{total} + {term} = {total + term}")
        total += term
    text = rng.choice(_SUMS).format(" + ".join(map(str, terms)))
    return _row(text, f"{', then '.join(steps)}.", total)


def _difference(rng: Random) -> dict[str, str]:
    a, b = _larger_first(rng)
    return _row(rng.choice(_DIFFERENCES).format(f"{a} - {b}"), f"{a} - {b} = {a - b}.", a - b)


def _gain(rng: Random) -> dict[str, str]:
    a, b = _number(rng), _number(rng)
    text, things = _story(rng, _GAINS, a, b)
    return _row(text, f"We add the {things}: {a} + {b} = {a + b}.", a + b)


def _loss(rng: Random) -> dict[str, str]:
    a, b = _larger_first(rng)
    text, things = _story(rng, _LOSSES, a, b)
    return _row(text, f"We subtract the {things}: {a} - {b} = {a - b}.", a - b)


def _story(rng: Random, templates: tuple[str, ...], a: int, b: int) -> tuple[str, str]:
    name, other = rng.sample(_NAMES, 2)
    things = rng.choice(_THINGS)
    return rng.choice(templates).format(name=name, other=other, things=things, a=a, b=b), things


def _number(rng: Random) -> int:
    """At least 2, so that "{b} more" is a plural; four times out of five of one digit."""
    return rng.randint(2, 9) if rng.random() < 0.8 else rng.randint(10, 99)


def _larger_first(rng: Random) -> tuple[int, int]:
    a, b = _number(rng), _number(rng)
    return max(a, b), min(a, b)


def _row(problem: str, steps: str, answer: int) -> dict[str, str]:
    solution = rf"{steps} The answer is \boxed{{{answer}}}."
    return {"problem": problem, "solution": solution, "answer": str(answer)}
