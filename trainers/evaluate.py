r"""Evaluate a model on mathematical benchmarks, compare two evaluations, or check the grader.

python -m trainers.evaluate --model smollm2-135m-instruct --output evaluations/smollm2
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from builder import __version__
from builder.arguments import add_engine_arguments, add_plugin_argument, add_verifier_arguments
from builder.errors import EXIT_CODES, InputError, InterruptedBuildError
from builder.machine import cli
from builder.verification.registry import MATH
from trainers.evaluation.drift_arguments import SAMPLES_FILE, add_drift_arguments, find_drift

if TYPE_CHECKING:
    from rich.console import Console

    from builder.config import Target, VerifierSpec
    from trainers.evaluation.benchmarks import BenchmarkSpec
    from trainers.evaluation.models import Evaluated
    from trainers.evaluation.settings import EvaluationSettings

PAPER = ("math500", "minerva_math", "olympiadbench", "aime24", "amc23")

_EPILOG = f"""\
examples:
  # as the paper: five benchmarks from the Hub, 16 samples at temperature 1 (top_p 1 and 4,096 tokens are ours)
  python -m trainers.evaluate --model qwen2.5-math-7b --output evaluations/base

  # a checkpoint that a trainer left, on a sample of problems from a folder of JSONL files
  python -m trainers.evaluate --model runs/dft --benchmarks math500 --data-dir data --limit 40 --samples 4 \\
      --output evaluations/dft

  # your own problems
  python -m trainers.evaluate --model runs/dft --benchmarks exam.jsonl --answer-field key --output evaluations/exam

  # answers that are no mathematics (docs/verifiers.md)
  python -m trainers.evaluate --model runs/dft --benchmarks cities.jsonl --verifier choice --metadata-fields options \\
      --output evaluations/cities

  # what has it forgotten? the likeliest answer alone, and how far the model has moved from the one it was trained from
  python -m trainers.evaluate --model runs/dft --greedy --samples 4 --drift qwen2.5-math-7b \\
      --output evaluations/dft-greedy

  # did training help? the paired bootstrap over problems
  python -m trainers.evaluate --compare evaluations/base evaluations/dft

  # does the grader accept the benchmarks' own solutions?
  python -m trainers.evaluate --oracle --data-dir data

The same command again continues an evaluation that was stopped, and asks the engine for nothing twice.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m trainers.evaluate",
        "Draw several answers to every problem of some benchmarks from a model, grade them, and report "
        "mean accuracy with its error, pass@k, majority@k, truncation, lengths, and drift from another model.",
        _EPILOG,
    )
    p.add_argument("--version", action="version", version=f"mind-the-gap {__version__}")
    p.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    p.add_argument("--dry-run", action="store_true", help="say what would be asked, and how much that is, and stop")
    p.add_argument("--fresh", action="store_true", help="start over: forget what is in --output")

    other = p.add_argument_group("instead of evaluating").add_mutually_exclusive_group()
    other.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="two finished evaluations: B minus A")
    other.add_argument("--oracle", action="store_true", help="grade each benchmark's own solutions")

    model = p.add_argument_group("model")
    model.add_argument("--model", metavar="NAME|FILE|DIR", help="a target by name or YAML file, or a checkpoint")
    model.add_argument(
        "--target",
        metavar="NAME|FILE",
        help="of a checkpoint: whose chat template and end of turn it has (default: of the release it was trained on), "
        "and how its file spreads a vLLM server over GPUs",
    )
    model.add_argument("--output", type=Path, metavar="DIR", help="where results.json and samples.parquet appear")

    data = p.add_argument_group("benchmarks")
    data.add_argument(
        "--benchmarks",
        nargs="+",
        default=list(PAPER),
        metavar="NAME|FILE",
        help=f"{', '.join(PAPER)} (default: all), or your own JSONL, JSON, Parquet or CSV file",
    )
    data.add_argument("--data-dir", type=Path, metavar="DIR", help="read NAME.jsonl from here instead of from the Hub")
    data.add_argument("--limit", type=int, metavar="N", help="a seeded random sample of N problems of each benchmark")
    for field in ("problem", "answer", "solution", "id"):
        data.add_argument(f"--{field}-field", metavar="NAME", help=f"of your own file: field with the {field}")

    data.add_argument(
        "--metadata-fields",
        nargs="+",
        metavar="NAME",
        help="of your own file: fields that the --verifier needs besides",
    )

    sampling = p.add_argument_group("sampling (samples and temperature: the paper's)")
    sampling.add_argument("--samples", type=int, default=16, metavar="N", help="a problem (default: %(default)s)")
    sampling.add_argument("--temperature", type=float, default=1.0, metavar="T", help="default: %(default)s")
    sampling.add_argument(
        "--greedy",
        action="store_true",
        help="one sample a problem, of the likeliest token each time: temperature 0; --samples is then that of --drift",
    )
    sampling.add_argument("--top-p", type=float, default=1.0, metavar="P", help="default: %(default)s")
    sampling.add_argument(
        "--max-tokens",
        type=int,
        default=4096,
        metavar="N",
        help="completion tokens at most, less where the context is full (default: %(default)s)",
    )
    sampling.add_argument("--seed", type=int, default=0, help="of samples, of --limit and of --compare")
    add_verifier_arguments(sampling)
    add_plugin_argument(sampling, default=MATH)

    add_drift_arguments(p)
    add_engine_arguments(p)
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, compare or check; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    if args.compare:
        return _compare(args)
    if args.oracle:
        return _oracle(args)
    for option in ("model", "output"):
        if not getattr(args, option):
            raise InputError(f"--{option} is missing")
    return _evaluate(args)


def _evaluate(args: argparse.Namespace) -> int:
    from builder.building.workspace import Workspace, refuse_if_changed
    from builder.engines.servers import choose_engine
    from builder.engines.urls import base_url
    from builder.method.prompts import asking
    from builder.policy.models import resolve_model
    from trainers.evaluation.models import find_model
    from trainers.evaluation.results import read_run
    from trainers.evaluation.tables import print_results

    console = _console(args)
    specs = _specs(args)
    urls = [base_url(url) for url in args.engine_url]
    plugin = _plugin(args)
    evaluated = find_model(args.model, args.target)
    evaluated = replace(evaluated, target=asking(evaluated.target, plugin.kind if plugin else "value"))
    output = args.output.absolute()
    engine = "vllm" if urls else choose_engine(args.engine, evaluated.target)
    model = resolve_model(evaluated.target, weights=not (urls or args.dry_run))
    settings = _settings(args, evaluated.target, model.revision, specs, engine, plugin)
    if args.dry_run:
        from builder.policy.chat import Chat
        from trainers.evaluation.dry_run import dry_run

        dry_run(settings, Chat(model.path, evaluated.target), console)
        return 0
    workspace = Workspace.of(output)
    workspace.settle(output)
    run = read_run(output)
    if args.fresh:
        run = None
    if run:
        refuse_if_changed(settings, run.results["settings"], output)
    base = find_drift(args, settings)
    if run and not (base and base.adds_to(run, workspace)):
        console.print(f"{output} is finished already; nothing to do (--fresh starts over)", highlight=False)
        results = run.results
    else:
        from builder.engines.running import EngineChoice
        from trainers.evaluation.evaluation import Evaluation

        def say(text: str) -> None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

        evaluation = partial(
            Evaluation,
            described=_described(evaluated),
            output=output,
            concurrency=args.concurrency,
            patience=args.patience,
            console=console,
        )
        if run and "drift" in run.results:
            console.print(f"replacing the drift from {run.results['drift']['base']['name']}", markup=False)
        samples = args.drift_samples or output.with_name(SAMPLES_FILE)
        ask = partial(EngineChoice, trusted=args.trust_engine, say=say)
        plan = base.plan(evaluation, ask, settings, workspace, samples, console) if base else None
        with workspace.locked(fresh=args.fresh):
            try:
                chosen = ask(engine, urls)
                results = evaluation(settings, model, workspace=workspace, engine=chosen).run(plan)
            except KeyboardInterrupt:
                raise InterruptedBuildError(
                    "interrupted; everything finished is kept, the same command continues"
                ) from None
    if args.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        print_results(console, results, output)
    return 0


def _compare(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from trainers.evaluation.comparison import compare_all, print_comparison
    from trainers.evaluation.results import open_run

    a, b = (open_run(path) for path in args.compare)
    differences = compare_all(a, b, args.seed)
    if args.json:
        print(json.dumps([asdict(d) | {"difference": d.difference} for d in differences], indent=2))
    else:
        print_comparison(_console(args), a, b, differences)
    return 0


def _oracle(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from builder.verification.registry import deadline_of
    from builder.verification.verifier import Verifier
    from trainers.evaluation.benchmarks import load
    from trainers.evaluation.grading import Grader
    from trainers.evaluation.oracle import check, print_checks

    benchmarks = [load(spec, args.limit, args.seed) for spec in _specs(args)]
    with Verifier(deadline=deadline_of(args.verifier_deadline, None)) as verifier:
        checks = [check(Grader(verifier), benchmark) for benchmark in benchmarks]
    if args.json:
        print(json.dumps([asdict(c) for c in checks], indent=2, ensure_ascii=False))
    else:
        print_checks(_console(args), checks)
    return 0


def _plugin(args: argparse.Namespace) -> "VerifierSpec | None":
    """Who decides; None for `math`, and for the paper's benchmarks nobody else."""
    from builder.verification.plugged import verifier_named

    if args.verifier != MATH and (known := [name for name in args.benchmarks if name in PAPER]):
        raise InputError(f"--verifier {args.verifier}: {known[0]} is mathematics; name your own file with --benchmarks")
    return verifier_named(args.verifier)


def _specs(args: argparse.Namespace) -> "list[BenchmarkSpec]":
    from trainers.evaluation.benchmarks import specs

    fields = {f"{name}_field": getattr(args, f"{name}_field") for name in ("problem", "answer", "solution", "id")}
    fields |= {"metadata_fields": args.metadata_fields}
    return specs(args.benchmarks, args.data_dir, fields)


def _settings(
    args: argparse.Namespace,
    target: "Target",
    revision: str,
    specs: "list[BenchmarkSpec]",
    engine: str,
    plugin: "VerifierSpec | None",
) -> "EvaluationSettings":
    from builder.machine.validation import validated
    from builder.method.prompts import hashes
    from builder.verification.registry import deadline_of
    from trainers.evaluation.settings import EvaluationSampling, EvaluationSettings

    sampling = {
        "candidates": 1 if args.greedy else args.samples,
        "temperature": 0.0 if args.greedy else args.temperature,
        "top_p": 1.0 if args.greedy else args.top_p,
        "max_tokens": args.max_tokens,
    }
    return validated(
        EvaluationSettings,
        {
            "target": target,
            "model_revision": revision,
            "benchmarks": specs,
            "limit": args.limit,
            "seed": args.seed,
            "sampling": validated(EvaluationSampling, sampling, "sampling (candidates: --samples)"),
            "engine": engine,
            "verifier": plugin,
            "verifier_deadline": deadline_of(args.verifier_deadline, plugin),
            "prompt_hash": hashes(target)["plain"],
            "tool_version": __version__,
        },
        "settings",
        flags=True,
    )


def _described(evaluated: "Evaluated") -> dict[str, object]:
    return {"name": evaluated.name, "training": evaluated.training}


def _console(args: argparse.Namespace) -> "Console":
    from rich.console import Console

    return Console(stderr=args.json, width=None if sys.stdout.isatty() else 130)


if __name__ == "__main__":
    # A polite kill is treated like Ctrl-C, which a script's background jobs would not hear otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    cli.run(main)
