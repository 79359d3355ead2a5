"""Is rewriting worth it? Look at a few rows before money is spent on all of them.

python -m builder.diagnose --target llama-3.1-8b-instruct --source problems.jsonl
"""

import argparse
import json
import sys
from pathlib import Path

from builder.arguments import add_engine_arguments, add_rule_arguments, add_source_arguments, add_target_argument
from builder.config import Sampling
from builder.errors import EXIT_CODES
from builder.machine import cli
from builder.machine.flags import add_flags
from builder.machine.interrupts import interrupt_when_terminated

ROWS, CANDIDATES = 200, 4

_EPILOG = f"""\
examples:
  # {ROWS} rows of a Hub dataset, {CANDIDATES} candidates each
  python -m builder.diagnose --target qwen2.5-math-7b --source AI-MO/NuminaMath-CoT

  # your own file, on a server that you run
  python -m builder.diagnose --target my-target.yaml --source problems.jsonl --engine-url http://127.0.0.1:8000

It builds D' from a sample of rows, in a directory of its own, and says how foreign the expert's texts are to the
policy, what a whole build will come to, what it will cost, and whether it is worth it: by a rule that it names
(docs/evidence.md). The same command again continues a diagnosis that was stopped.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.diagnose", "Say whether rewriting a dataset for a model is worth it.", _EPILOG)
    add_target_argument(p, required=True)
    p.add_argument("--output", type=Path, metavar="DIR", help="of the small build (default: releases/TARGET-diagnosis)")
    add_source_arguments(p)
    sampling = p.add_argument_group("sampling (defaults: the target's)")
    add_flags(sampling, Sampling, "candidates", "temperature", "top_p", "max_tokens", override=True)
    add_rule_arguments(p)
    add_engine_arguments(p)
    run = p.add_argument_group("run")
    run.add_argument("--fresh", action="store_true", help="start over: forget what an earlier one left in --output")
    run.add_argument("--json", action="store_true", help="print the diagnosis as JSON on standard output")
    p.set_defaults(limit=ROWS, candidates=CANDIDATES, scheme="fixed", ray=None,
                   give_up_rows=0, release_now=False, dry_run=False, probe=None)  # fmt: skip
    return p


def main(arguments: list[str] | None = None) -> int:
    """Diagnose; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    from rich.console import Console

    from builder.building.session import built, planned
    from builder.diagnosis.forecast import forecast
    from builder.diagnosis.foreignness import foreignness
    from builder.diagnosis.judgement import judge
    from builder.diagnosis.read import expert_texts, seen
    from builder.diagnosis.show import Diagnosis, show
    from builder.policy.derive import target_named
    from builder.release.open import open_release

    console = Console(stderr=args.json, width=None if sys.stdout.isatty() else 110)
    target = target_named(args.target)
    settings, model = planned(args, target)
    output = (args.output or Path("releases") / f"{target.name}-diagnosis").absolute()
    manifest, output = built(args, settings, model, output, console)
    release = open_release(str(output))
    few = seen(release)
    expert, whole = foreignness(expert_texts(release)), forecast(few, target.sampling.candidates)
    known = sum(source.get("rows", 0) for source in manifest["sources"])
    diagnosis = Diagnosis(few.rows, known, expert, whole, *judge(expert.all, whole))
    if args.json:
        print(json.dumps({"release": str(output), **diagnosis.as_json()}, indent=2))
    else:
        show(diagnosis, console)
    return 0


if __name__ == "__main__":
    interrupt_when_terminated()
    cli.run(main)
