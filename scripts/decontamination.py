"""How well contamination is found: copies of benchmark problems, planted into a clean source in several disguises.

python -m scripts.decontamination --benchmarks math500.jsonl aime24.jsonl --source gsm8k.jsonl

Recall is the share of planted copies that are rejected. Precision is of all that is rejected: clean rows, and variants
of a problem with other numbers, are no copies.
"""

import re
import time
from collections.abc import Callable, Sequence
from random import Random

from builder.config import SourceSpec
from builder.machine import cli
from builder.sources.benchmarks import benchmark_index, resolved
from builder.sources.contamination import GRAM, BenchmarkIndex, Item, words_of
from builder.sources.load import load
from builder.sources.rows import SourceRow
from trainers.study.tables import markdown

_SYNONYMS = {
    "find": "determine", "compute": "calculate", "determine": "work out", "suppose": "assume", "let": "take",
    "integers": "whole numbers", "integer": "whole number", "such that": "so that", "how many": "what number of",
    "what is": "give", "largest": "greatest", "smallest": "least", "value": "result", "each": "every",
    "positive": "strictly positive", "number": "count", "has": "possesses", "are": "will be", "is": "equals",
    "if": "provided that", "all": "every one of the", "given": "known", "and": "as well as", "of the": "for the",
}  # fmt: skip

Disguise = Callable[[str, Random], str]


def reformatted(text: str, rng: Random) -> str:
    """Other delimiters, line breaks and punctuation."""
    text = re.sub(r"\$([^$]*)\$", r"\\( \1 \\)", text).replace("\\dfrac", "\\frac").replace(", ", " , ")
    return re.sub(r"(?<=[.?!]) ", "\n\n", text).rstrip(".?") + " ."


def embedded(text: str, rng: Random) -> str:
    """Within an instruction and other sentences."""
    return f"Solve the following exercise, and show every step of your work.\n\n{text}\n\nBox your final answer."


def shortened(share: float) -> Disguise:
    """The first part of it."""
    return lambda text, rng: " ".join(text.split()[: round(share * len(text.split()))])


def reworded(share: float) -> Disguise:
    """Some words by others of the same meaning, where there are some."""

    def disguise(text: str, rng: Random) -> str:
        pattern = re.compile(rf"\b({'|'.join(sorted(_SYNONYMS, key=len, reverse=True))})\b", re.IGNORECASE)
        return pattern.sub(lambda m: _SYNONYMS[m[1].lower()] if rng.random() < share else m[1], text)

    return disguise


def other_numbers(text: str, rng: Random) -> str:
    """Another problem: every number is another one."""
    return re.sub(r"\d+", lambda m: str(int(m[0]) + rng.randint(1, 9)), text)


DISGUISES: dict[str, Disguise] = {
    "as it is": lambda text, rng: text,
    "reformatted": reformatted,
    "embedded in other text": embedded,
    "its first 75 %": shortened(0.75),
    "its first 60 %": shortened(0.6),
    "every fourth known word replaced": reworded(0.25),
    "every known word replaced": reworded(1.0),
}
COPIES = 60  # of each kind


def main() -> int:
    """Print the table; returns the exit code."""
    p = cli.parser("python -m scripts.decontamination", __doc__)
    p.add_argument("--benchmarks", nargs="+", required=True, metavar="FILE")
    p.add_argument("--source", required=True, metavar="SOURCE", help="clean rows to plant copies into")
    args = p.parse_args()
    index, rng = benchmark_index(resolved(args.benchmarks)), Random(0)
    rows = [row for row in load([SourceSpec(name=args.source)], None, 0).rows if isinstance(row, SourceRow)]
    print(f"{len(index):,} problems of {len(args.benchmarks)} benchmarks, {len(rows):,} clean rows\n")
    lines = [(name, *_planted(index, rng, disguise)) for name, disguise in DISGUISES.items()]
    print("\n".join(markdown(("copies", "planted", "rejected", "recall", "flagged only"), lines)))
    changed = [index.overlap(other_numbers(item.text, rng)).is_contamination for item in _long(index, rng)]
    began = time.monotonic()
    overlaps = [index.overlap(row.problem) for row in rows]
    each = (time.monotonic() - began) / len(rows)
    rejected, touched = (sum(map(test, overlaps)) for test in (lambda o: o.is_contamination, lambda o: o.share > 0))
    true = sum(int(line[2]) for line in lines)
    print(f"\nclean rows: {rejected} rejected, {touched} with a run of {GRAM} words in common")
    print(f"other numbers in every problem: {sum(changed)} of {len(changed)} rejected, which are other problems")
    print(f"precision over clean rows and copies: {true / (true + rejected):.3f}")
    print(f"{1e6 * each:.0f} microseconds a row: 860,000 rows take {860_000 * each:.0f} s")
    return 0


def _long(index: BenchmarkIndex, rng: Random) -> Sequence[Item]:
    """Problems with some words to disguise."""
    return rng.sample([item for item in index.items if len(words_of(item.text)) >= 2 * GRAM], COPIES)


def _planted(index: BenchmarkIndex, rng: Random, disguise: Disguise) -> tuple[str, str, str, str]:
    overlaps = [index.overlap(disguise(item.text, rng)) for item in _long(index, rng)]
    rejected = sum(overlap.is_contamination for overlap in overlaps)
    flagged = sum(overlap.share > 0 and not overlap.is_contamination for overlap in overlaps)
    return str(len(overlaps)), str(rejected), f"{rejected / len(overlaps):.0%}", str(flagged)


if __name__ == "__main__":
    cli.run(main)
