"""The command line of a build, and the settings that it stands for."""

import argparse
from pathlib import Path
from typing import get_args

from builder import __version__
from builder.config import Rules, Sampling, Settings, SourceSpec, Target, validated
from builder.errors import EXIT_CODES
from builder.method.rule_words import MEANING
from builder.sources.fields import FIELDS
from builder.texts.answers import LaxestForm

_FORBIDDEN = [field for field in Rules.model_fields if field.startswith("forbid_")]

_EPILOG = f"""\
examples:
  # what would be done, without generating anything
  python -m builder.build --target smollm2-135m-instruct --source gsm-symbolic --limit 50 --dry-run

  # the paper's setting: 50,000 problems of NuminaMath-CoT, 10 candidates a phase
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --output releases/qwen

  # the same, published when it is finished; what publishing needs is checked before the build
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --push-to-hub you/qwen-d-prime --version 1.0.0

  # your own file, on servers that you run
  python -m builder.build --target my-target.yaml --source problems.jsonl --problem-field question \\
      --solution-field worked --answer-field gold --engine-url http://127.0.0.1:8000 http://127.0.0.1:8001

  # one of eight parts, on a machine of its own; then builder.merge (docs/clusters.md)
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --shard 3/8

The same command again continues a build that was stopped, and asks the engine for nothing twice.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m builder.build",
        description="Rewrite a supervised fine-tuning dataset so that it sits close to the model that will be "
        "trained on it: keep one of the target's own verified answers, else a verified retelling of the expert's "
        "solution, else the expert's text.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--target", metavar="NAME|FILE", help="model to rewrite for: a shipped name or your own YAML file")
    p.add_argument("--list-targets", action="store_true", help="show the shipped targets and stop")
    p.add_argument("--output", type=Path, metavar="DIR", help="where the release appears (default: releases/TARGET)")
    p.add_argument("--tool-version", action="version", version=f"mind-the-gap {__version__}")

    source = p.add_argument_group("source")
    source.add_argument(
        "--source",
        nargs="+",
        default=["numinamath-cot"],
        metavar="SOURCE",
        help="numinamath-cot (default), gsm8k, gsm-symbolic, arithmetic, a Hub dataset id, or a JSONL, JSON, Parquet "
        "or CSV file; several are concatenated",
    )
    for field, what in (
        ("problem", "the problem"),
        ("solution", "the expert's worked solution"),
        ("answer", "the gold answer (else the solution's last \\boxed{} or what follows its ####)"),
        ("id", "a unique id (else source name and row number)"),
        ("origin", "where the source has the problem from (else origin, source or data_source, if there is one)"),
    ):
        source.add_argument(f"--{field}-field", metavar="NAME", help=f"field with {what}")
    source.add_argument("--config", metavar="NAME", help="config of a Hub dataset")
    source.add_argument("--split", metavar="NAME", help="split of a Hub dataset (default: train)")
    source.add_argument("--source-revision", metavar="REV", help="revision of a Hub dataset")
    source.add_argument("--limit", type=int, metavar="N", help="a seeded random sample of N source rows")
    source.add_argument("--seed", type=int, default=0, help="of the sample of rows, of sampling and of selection")
    source.add_argument(
        "--shard",
        metavar="I/N",
        help="build the I-th of N parts of these rows, from 1/N to N/N; builder.merge makes the N releases one "
        "(default --output: releases/TARGET-shard-I-of-N)",
    )
    source.add_argument(
        "--drop-unverifiable",
        action="store_true",
        help="reject rows without a usable gold instead of keeping the expert",
    )
    source.add_argument(
        "--drop-contradicted",
        action="store_true",
        help="reject rows whose expert solution comes to another answer than the gold",
    )

    sampling = p.add_argument_group("sampling (defaults: the target's)")
    sampling.add_argument(
        "--sampling",
        choices=("fixed", "adaptive"),
        help="fixed: draw all candidates (the paper's); adaptive: stop at the first that may be kept, for the same "
        "distribution of kept text with fewer tokens",
    )
    sampling.add_argument("--candidates", type=int, metavar="N", help="candidates a phase, at most so many if adaptive")
    sampling.add_argument("--temperature", type=float, metavar="T")
    sampling.add_argument("--top-p", type=float, metavar="P")
    sampling.add_argument("--max-tokens", type=int, metavar="N", help="completion tokens at most")

    add_rule_arguments(p)

    add_engine_arguments(p)

    hub = p.add_argument_group("publishing (see builder.publish)")
    hub.add_argument(
        "--push-to-hub", metavar="USER/NAME", help="publish the finished release in this dataset repository"
    )
    hub.add_argument("--version", metavar="X.Y.Z", help="version to publish it as; the tag is vX.Y.Z")
    hub.add_argument("--private", action="store_true", help="make a new repository private")

    run = p.add_argument_group("run")
    run.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run the pipeline on the Ray cluster that this machine is a node of: HOST:PORT of its head, or auto "
        "(docs/clusters.md)",
    )
    run.add_argument("--dry-run", action="store_true", help="show settings, prompts and an estimate; generate nothing")
    run.add_argument("--fresh", action="store_true", help="start over: forget what an earlier build left in --output")
    run.add_argument("--json", action="store_true", help="print the summary as JSON on standard output")
    return p


def add_rule_arguments(p: argparse.ArgumentParser) -> None:
    """What a text must be besides right in its answer, and how answers are checked."""
    rules = p.add_argument_group("rules for what is kept (docs/rules.md)")
    rules.add_argument(
        "--rules",
        choices=("default", "paper"),
        default="default",
        help="paper: the answer alone decides, in whatever form; the options below change one rule at a time",
    )
    rules.add_argument(
        "--accept-answers",
        choices=get_args(LaxestForm),
        help='the laxest form of answer that counts: in a box; stated ("the answer is 12", "#### 12"); or merely '
        "trailing, the last number (default: stated)",
    )
    for field in _FORBIDDEN:
        flag = field.replace("forbid_", "--allow-").replace("_", "-")
        rules.add_argument(flag, action="store_true", help=f"keep a text although {MEANING[field]}")
    rules.add_argument(
        "--max-copy-rate",
        metavar="RATE",
        help="reject a retelling if more than this share of its word 8-grams stands in the expert solution, "
        f"or 'off' (default: {Rules().max_copy_rate})",
    )
    add_verifier_arguments(rules)


def rules_from(args: argparse.Namespace) -> Rules:
    """The rules that the command line asks for.

    Raises:
        InputError: the copy rate is no share.
    """
    allowed = [field for field in _FORBIDDEN if getattr(args, field.replace("forbid_", "allow_"))]
    changed: dict[str, object] = dict.fromkeys(allowed, False)
    if args.accept_answers:
        changed["accept_answers"] = args.accept_answers
    if args.max_copy_rate is not None:
        changed["max_copy_rate"] = None if args.max_copy_rate == "off" else args.max_copy_rate
    return validated(Rules, Rules.named(args.rules).model_dump() | changed, "rules")


def add_engine_arguments(p: argparse.ArgumentParser) -> None:
    """What runs the policy, for every command that samples from one."""
    engine = p.add_argument_group("engine")
    engine.add_argument(
        "--engine",
        choices=("auto", "vllm", "transformers"),
        default="auto",
        help="default: what this machine has",
    )
    engine.add_argument(
        "--engine-url",
        nargs="+",
        default=[],
        metavar="URL",
        help="attach to running vLLM servers instead of starting one; they are checked to serve the target",
    )
    engine.add_argument(
        "--trust-engine",
        action="store_true",
        help="believe attached servers without that check",
    )
    engine.add_argument(
        "--concurrency",
        type=int,
        default=256,
        metavar="N",
        help="sequences in flight, in a build for each step (default: %(default)s)",
    )
    engine.add_argument(
        "--engine-patience",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds to wait for an engine that is away before stopping (default: %(default)s)",
    )


def add_verifier_arguments(group: argparse._ArgumentGroup) -> None:
    """How answers are checked, for every command that has a verifier."""
    group.add_argument(
        "--verifier-deadline",
        type=float,
        default=5.0,
        metavar="S",
        help="seconds for one verdict (default: %(default)s)",
    )


def settings_from(args: argparse.Namespace, target: Target, model_revision: str, engine: str) -> Settings:
    """Everything that determines D′, from the command line.

    Raises:
        InputError: a value is out of range.
    """
    from builder.method.prompts import hashes

    overrides = {name: getattr(args, name) for name in ("candidates", "temperature", "top_p", "max_tokens")}
    overrides["scheme"] = args.sampling
    sampling = target.sampling.model_dump() | {k: v for k, v in overrides.items() if v is not None}
    fields = {f"{name}_field": getattr(args, f"{name}_field") for name in FIELDS}
    fields |= {"config": args.config, "split": args.split, "revision": args.source_revision}
    return validated(
        Settings,
        {
            "target": target,
            "model_revision": model_revision,
            "sources": [SourceSpec(name=name, **fields) for name in args.source],
            "limit": args.limit,
            "seed": args.seed,
            "shard": args.shard,
            "sampling": validated(Sampling, sampling, "sampling"),
            "engine": engine,
            "rules": rules_from(args),
            "verifier_deadline": args.verifier_deadline,
            "drop_unverifiable": args.drop_unverifiable,
            "drop_contradicted": args.drop_contradicted,
            "prompt_hashes": hashes(target),
            "tool_version": __version__,
        },
        "settings",
    )
