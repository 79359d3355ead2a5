"""How well near duplicates are found: rewordings of a source's own problems, planted into it, and other problems.

python -m scripts.near_duplicates --source gsm8k_train.jsonl --threshold 0.6
python -m scripts.near_duplicates --source gsm8k_train.jsonl --threshold 0.6 --rows 860000

Other problems are planted with the answer of the problem that they were made of, so that their texts alone decide, and
with one of their own. --rows times a source of so many rows: the source's texts again and again, with other numbers.
"""

import re
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from statistics import median

from builder.config import SourceSpec
from builder.machine import cli
from builder.sources.load import load
from builder.sources.near_duplicates import NearDuplicates, grams, jaccard
from builder.sources.rows import SourceRow
from scripts.decontamination import Disguise, embedded, other_numbers, reformatted, reworded
from trainers.study.tables import markdown

COPIES = 200  # of each kind
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b|^[A-Z][a-z]+(?= (?:has|had|is|was|and|bought|buys|wants|went)\b|'s)")
_NAMES = ("Zelda", "Quentin", "Ophelia", "Barnaby", "Ximena", "Thaddeus")
_OPPOSITES = {
    "more": "less", "less": "more", "fewer": "more", "most": "least", "first": "last", "before": "after",
    "after": "before", "left": "used", "largest": "smallest", "greatest": "least", "increased": "decreased",
    "gains": "loses", "buys": "sells", "bought": "sold", "even": "odd", "odd": "even", "with": "without",
    "positive": "negative", "each": "in all", "total": "difference", "altogether": "fewer",
}  # fmt: skip


def renamed(text: str, rng: Random) -> str:
    """Other names for people and places."""
    known: dict[str, str] = {}
    return _NAME.sub(lambda m: known.setdefault(m[0], _NAMES[len(known) % len(_NAMES)]), text)


def reordered(text: str, rng: Random) -> str:
    """The first two sentences the other way round."""
    first, *rest = re.split(r"(?<=[.?!])\s+", text)
    return " ".join([rest[0], first, *rest[1:]]) if len(rest) > 1 else text


def misspelt(text: str, rng: Random) -> str:
    """Two letters exchanged in a tenth of the longer words."""
    return re.sub(
        r"\b[a-z]{4,}", lambda m: m[0][0] + m[0][2] + m[0][1] + m[0][3:] if rng.random() < 0.1 else m[0], text
    )


def one_number(text: str, rng: Random) -> str:
    """Another problem: one number is another one."""
    places = [m.span() for m in re.finditer(r"\d+", text)]
    start, end = rng.choice(places) if places else (0, 0)
    return f"{text[:start]}{int(text[start:end]) + rng.randint(1, 9)}{text[end:]}" if places else text


def opposite(text: str, rng: Random) -> str:
    """Another problem: one word means the opposite."""
    return re.sub(rf"\b({'|'.join(_OPPOSITES)})\b", lambda m: _OPPOSITES[m[1]], text, count=1)


def another_question(text: str, rng: Random) -> str:
    """Another problem: the same story, with something else asked at its end."""
    *story, _ = re.split(r"(?<=[.?!])\s+", text)
    return " ".join([*story, "How much would all of this be worth next year?"]) if story else text


def other_sign(text: str, rng: Random) -> str:
    """Another problem: a plus is a minus, a less-than a greater-than."""
    return re.sub(
        r" [+] |(?<=\w)[+](?=\w)|<|\\le\b", lambda m: {"<": ">", r"\le": r"\ge"}.get(m[0], " - "), text, count=1
    )


SAME: dict[str, Disguise] = {
    "reformatted": reformatted,
    "two sentences exchanged": reordered,
    "other names": renamed,
    "a tenth of the words misspelt": misspelt,
    "every fourth known word replaced": reworded(0.25),
    "every known word replaced": reworded(1.0),
    "embedded in other text": embedded,
}
OTHER: dict[str, Disguise] = {
    "every number another one": other_numbers,
    "one number another one": one_number,
    "another sign": other_sign,
    "a word of the opposite meaning": opposite,
    "another question at the end": another_question,
}


def main() -> int:
    """Print the tables; returns the exit code."""
    p = cli.parser("python -m scripts.near_duplicates", __doc__)
    p.add_argument("--source", required=True, metavar="SOURCE")
    p.add_argument("--threshold", type=float, required=True, metavar="J", help="Jaccard index, as --near-duplicates")
    p.add_argument("--rows", type=int, metavar="N", help="time so many rows instead")
    args = p.parse_args()
    rows = [row for row in load([SourceSpec(name=args.source)], None, 0).rows if isinstance(row, SourceRow)]
    if args.rows:
        _time(rows, args.rows, args.threshold)
    else:
        _measure(rows, args.threshold)
    return 0


def _measure(rows: Sequence[SourceRow], threshold: float) -> None:
    rng, own = Random(0), _rejected(rows, threshold)
    print(f"{len(rows):,} rows, {len(own)} of them near duplicates themselves, at a Jaccard index of {threshold:g}\n")
    rows = [row for row in rows if row.id not in own]
    header = ("planted", "rows", "median Jaccard index", "rejected", "rejected, with an answer of its own")
    lines, hits, others = [], 0, [0, 0]
    for name, disguise in SAME.items():
        planted = _planted(rows, disguise, rng)
        hits += (found := _hits(rows, planted, threshold))
        lines.append((name, *_facts(rows, planted), f"{found} ({found / len(planted):.0%})", ""))
    for name, disguise in OTHER.items():
        planted = _planted(rows, disguise, rng)
        apart = [replace(row, gold=f"not {row.gold}") for row in planted]
        found = [_hits(rows, each, threshold) for each in (planted, apart)]
        others = [before + more for before, more in zip(others, found, strict=True)]
        lines.append((f"other problems: {name}", *_facts(rows, planted), *map(str, found)))
    print("\n".join(markdown(header, lines)))
    same, apart = (hits / (hits + wrong) for wrong in others)
    print(f"\nprecision over what was planted: {apart:.3f}, and {same:.3f} if other problems had the same answer")


def _planted(rows: Sequence[SourceRow], disguise: Disguise, rng: Random) -> list[SourceRow]:
    """Rows with changed texts, behind all others."""
    planted: list[SourceRow] = []
    for row in rng.sample(list(rows), len(rows)):
        if (changed := disguise(row.problem, rng)) != row.problem:
            planted.append(replace(row, row=rows[-1].row + 1 + len(planted), id=f"of {row.id}", problem=changed))
        if len(planted) == COPIES:
            break
    return planted


def _facts(rows: Sequence[SourceRow], planted: Sequence[SourceRow]) -> tuple[str, str]:
    """How many there are, and how similar they are to what they were made of."""
    known = {f"of {row.id}": grams(row.problem) for row in rows}
    return str(len(planted)), f"{median(jaccard(grams(row.problem), known[row.id]) for row in planted):.2f}"


def _hits(rows: Sequence[SourceRow], planted: Sequence[SourceRow], threshold: float) -> int:
    """How many are taken for what they were made of."""
    rejected = _rejected([*rows, *planted], threshold)
    return sum(f"of {rejected.get(row.id)}" == row.id for row in planted)


def _rejected(rows: Sequence[SourceRow], threshold: float) -> dict[str, str]:
    """The near duplicates, each with the row that it repeats."""
    found = NearDuplicates(rows, threshold)
    taken = ((row.id, found.take(row)) for row in rows)
    return {row_id: repeated.row_id for row_id, repeated in taken if repeated}


def _time(rows: Sequence[SourceRow], total: int, threshold: float) -> None:
    clock, memory = [time.process_time()], [_most_memory()]
    made = sum(1 for _ in _made_up(rows, total))
    clock.append(time.process_time())
    found = NearDuplicates(_made_up(rows, total), threshold)
    clock.append(time.process_time())
    rejected = sum(found.take(row) is not None for row in _made_up(rows, total))
    clock.append(time.process_time())
    memory.append(_most_memory())
    making, first, second = (end - start for start, end in pairwise(clock))
    print(
        f"{made:,} rows, {rejected:,} near duplicates: {first - making:.0f} s of one core for the first "
        f"pass, {second - making:.0f} s for the second, {memory[1] - memory[0]:.0f} MiB with the mapped temporary file"
    )


def _most_memory() -> float:
    """MiB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _made_up(rows: Sequence[SourceRow], total: int) -> Iterator[SourceRow]:
    """So many rows: the given ones, again and again, each time with other numbers."""
    rng = Random(0)
    for number in range(total):
        row = rows[number % len(rows)]
        text = re.sub(r"\d+", lambda m: str(rng.randint(2, 999)), row.problem) if number >= len(rows) else row.problem
        yield replace(row, row=number, id=f"made-up-{number}", problem=text)


if __name__ == "__main__":
    cli.run(main)
