"""Write one-step word problems with numbers of two and three digits: python -m scripts.word_problems --output FILE

What a small model retells more often than it solves: the read-through of docs/rules.md is about 60 of them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from builder.machine import cli
from builder.machine.atomic import write_atomically

_STORIES = (
    ("+", "A library has {a} novels and buys {b} more. How many novels does it have then?"),
    ("+", "On Monday {a} people visited the museum, on Tuesday {b}. How many visited it on both days together?"),
    ("+", "A train carries {a} passengers, and {b} more get on. How many passengers are on the train now?"),
    ("+", "A farmer picks {a} kg of pears and {b} kg of plums. How many kilograms of fruit is that?"),
    ("-", "A baker made {a} rolls and sold {b} of them. How many rolls are left?"),
    ("-", "There were {a} litres of water in a tank, and {b} litres were used. How many litres are left?"),
    ("-", "A book has {a} pages, and Mia has read {b}. How many pages does she still have to read?"),
    ("-", "One hall has {a} seats, another has {b}. How many more seats does the first hall have?"),
    ("-", "A bicycle costs {a} euros, and Tom has saved {b}. How many euros does he still need?"),
)


def word_problems(count: int, seed: int) -> list[dict[str, str]]:
    r"""Problems with `problem`, a worked `solution` ending in `\boxed{}`, and `answer`; no two of them are the same."""
    rng = Random(f"word-problems-{seed}")
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < count:
        operator, story = rng.choice(_STORIES)
        b, a = sorted(rng.sample(range(11, 600), 2))
        result = a + b if operator == "+" else a - b
        problem = story.format(a=a, b=b)
        solution = rf"{a} {operator} {b} = {result}. The answer is \boxed{{{result}}}."
        rows.setdefault(problem, {"problem": problem, "solution": solution, "answer": str(result)})
    return list(rows.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; returns the exit code."""
    p = cli.parser("python -m scripts.word_problems", __doc__)
    p.add_argument("--problems", type=int, default=60, metavar="N", help="default: %(default)s")
    p.add_argument("--seed", type=int, default=0, metavar="S", help="default: %(default)s")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSONL")
    args = p.parse_args(arguments)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    rows = word_problems(args.problems, args.seed)
    write_atomically(args.output, "".join(json.dumps(row) + "\n" for row in rows))
    print(f"{len(rows)} problems in {args.output}")
    return 0


if __name__ == "__main__":
    cli.run(main)
