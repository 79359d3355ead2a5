"""Write held-out `arithmetic` problems as a benchmark file.

python -m trainers.study.held_out --problems 250 --output FILE

They are generated from one seed; a problem that a build with `--source arithmetic` and another seed could be trained on
is left out.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from builder.errors import InputError
from builder.machine import cli
from builder.machine.atomic import write_atomically
from builder.sources.arithmetic import arithmetic


def held_out(problems: int, seed: int, training_seed: int) -> list[dict[str, str]]:
    """The first problems of one seed, each with an `id`, that another seed does not have, word for word.

    Raises:
        InputError: there are not so many.
    """
    known = {row["problem"] for row in arithmetic(training_seed)}
    rows = [row for row in arithmetic(seed) if row["problem"] not in known]
    if not 1 <= problems <= len(rows):
        raise InputError(f"--problems {problems}: seed {seed} has {len(rows)} that seed {training_seed} has not")
    return [{"id": f"{seed}-{number}", **row} for number, row in enumerate(rows[:problems])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; returns the exit code.

    Raises:
        InputError: there are not so many problems.
    """
    p = cli.parser("python -m trainers.study.held_out", __doc__)
    p.add_argument("--problems", type=int, required=True, metavar="N")
    p.add_argument("--seed", type=int, default=1, metavar="S", help="of these problems (default: %(default)s)")
    p.add_argument("--training-seed", type=int, default=0, metavar="S", help="of the build (default: %(default)s)")
    p.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSONL")
    args = p.parse_args(arguments)
    rows = held_out(args.problems, args.seed, args.training_seed)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(args.output, "".join(json.dumps(row) + "\n" for row in rows))
    print(f"{len(rows)} problems of seed {args.seed}, none of them among those of seed {args.training_seed}")
    return 0


if __name__ == "__main__":
    cli.run(main)
