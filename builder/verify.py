"""Grade a file of responses against gold answers.

python -m builder.verify --input answers.jsonl --gold-field gold --response-field response --output verdicts.jsonl
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, get_args

from builder.arguments import add_plugin_argument
from builder.errors import InputError
from builder.machine import cli
from builder.machine.atomic import new_file
from builder.machine.display import pace_on_stderr
from builder.texts.answers import LaxestForm
from builder.verification.plugged import verifier_named
from builder.verification.registry import MATH, deadline_of, verifier_version
from builder.verification.rows import InputFields, InputRow, read_rows
from builder.verification.verdicts import Judgement, Response, Verdict
from builder.verification.verifier import Verifier

ROWS_AT_ONCE = 1_000

EXAMPLE = r"""
example:
  answers.jsonl holds one JSON object a line:
    {"answer": "\\frac{1}{2}", "response": "Half of them, so \\boxed{0.5}."}

  python -m builder.verify --input answers.jsonl --gold-field answer --response-field response \
      --output graded.jsonl

  graded.jsonl holds the same rows with a verdict and the form of the answer (those that were there are replaced):
    {"answer": ..., "response": ..., "verdict": "correct", "answer_form": "boxed"}

  # answers that are no mathematics, by what metadata says of each row (docs/verifiers.md)
  python -m builder.verify --input answers.jsonl --gold-field answer --response-field response \
      --verifier choice --metadata-fields options --output graded.jsonl

verdicts:
  correct     equal to the gold answer
  incorrect   an answer, and not equal to the gold answer
  no_answer   no answer that could be read, a box that never closes, or a form that --accept-answers leaves out
  timeout     deciding took longer than --deadline
  error       the checker failed, or the gold answer cannot be read; says nothing about the response

answer forms (which of them count is the verifier's):
  boxed       in \\boxed{...}
  hash        behind "####" at the very end
  stated      "the answer is 12", "Answer: **12**"
  trailing    merely the last number or expression
  null        no answer

The gold field holds a bare answer (text or number), or a worked solution with its answer in \boxed{...} or
behind "####".
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Grade a file; returns the exit code.

    Raises:
        InputError: the input or the output cannot be used, or a row is not as announced.
    """
    options = _parser().parse_args(argv)
    source, output = Path(options.input), Path(options.output)
    if not source.is_file():
        raise InputError(f"input file {source} does not exist")
    if not output.parent.is_dir() or output.is_dir():
        raise InputError(f"output {output}: must be a file in a folder that exists")
    if options.verifier == MATH and not options.gold_field:
        raise InputError(f"--gold-field is missing: --verifier {MATH} compares with a gold answer")
    started = time.monotonic()
    plugin = verifier_named(options.verifier)
    counts: Counter[str] = Counter()
    try:
        with (
            source.open("rb") as lines,
            new_file(output, shared=True) as scratch,
            scratch.open("wb") as graded,
            pace_on_stderr(None, "rows", "all rows read") as advance,
            Verifier(options.workers, deadline_of(options.deadline, plugin), plugin) as verifier,
        ):
            fields = InputFields(
                options.gold_field, options.response_field, options.problem_field, tuple(options.metadata_fields)
            )
            rows = read_rows(lines, str(source), fields)
            judge = partial(verifier.judge, laxest=options.accept_answers)
            size = source.stat().st_size
            _grade(rows, graded, judge, counts, lambda graded: advance(graded, lines.tell() / size))
    except PermissionError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
    _print_summary(counts, time.monotonic() - started, verifier_version(plugin), output, options.json)
    return 0


def _grade(
    rows: Iterator[InputRow],
    graded: BinaryIO,
    judge: Callable[[list[Response]], list[Judgement]],
    counts: Counter[str],
    report: Callable[[int], None],
) -> None:
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        judgements = judge([row.response for row in batch])
        for row, judgement in zip(batch, judgements, strict=True):
            said = {"verdict": judgement.verdict, "answer_form": judgement.answer_form}
            text = json.dumps(row.content | said, ensure_ascii=False)
            # Half of a surrogate pair is no UTF-8; escaped with a backslash it is JSON again.
            graded.write(text.encode("utf-8", "backslashreplace") + b"\n")
        counts.update(judgement.verdict for judgement in judgements)
        report(len(batch))


def _print_summary(counts: Counter[str], seconds: float, verifier: str, output: Path, as_json: bool) -> None:
    total = counts.total()
    by_verdict = {verdict: counts[verdict] for verdict in get_args(Verdict)}
    if as_json:
        summary = {
            "rows": total,
            "verdicts": by_verdict,
            "seconds": round(seconds, 3),
            "verifier": verifier,
            "output": str(output),
        }
        print(json.dumps(summary))
        return
    for verdict, count in by_verdict.items():
        print(f"{verdict:<10}{count:>10,}{count / max(total, 1):>8.1%}")
    print(f"{'total':<10}{total:>10,}   in {seconds:.1f} s, by {verifier}, written to {output}")


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("python -m builder.verify", "Grade a JSONL file of responses against gold answers.", EXAMPLE)
    parser.add_argument("--input", required=True, metavar="F.jsonl", help="one JSON object a line")
    parser.add_argument("--gold-field", metavar="G", help="field with the gold answer; math needs it")
    parser.add_argument("--response-field", required=True, metavar="R", help="field with the response")
    parser.add_argument("--problem-field", metavar="P", help="field with the problem: repeating it is no answer then")
    parser.add_argument(
        "--metadata-fields", nargs="+", default=[], metavar="M", help="fields that the verifier needs besides these"
    )
    parser.add_argument(
        "--accept-answers",
        choices=get_args(LaxestForm),
        default="trailing",
        help="the laxest form of answer that counts for math (default: %(default)s)",
    )
    add_plugin_argument(parser, default=MATH)
    parser.add_argument("--output", required=True, metavar="OUT.jsonl", help="appears when all rows are graded")
    parser.add_argument(
        "--deadline", type=_positive(float), metavar="S", help="seconds a verdict may take (5; a judge's 120)"
    )
    parser.add_argument("--workers", type=_positive(int), metavar="N", help="worker processes (one a CPU, at most 8)")
    parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")
    return parser


def _positive(number: type[int] | type[float]) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = number(text)
        if not value > 0:
            raise ValueError
        return value

    convert.__name__ = f"positive {number.__name__}"  # argparse names it in its error
    return convert


if __name__ == "__main__":
    cli.run(main)
