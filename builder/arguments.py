"""The command line of a build, and the settings that it stands for."""

import argparse
from pathlib import Path

from builder import __version__
from builder.building.workspace import Runtime
from builder.config import PROMPT_PARTS, Rules, Sampling, Settings, SourceSpec, Target, list_targets
from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.flags import add_flags, given
from builder.machine.validation import validated
from builder.method.kinds import Kind
from builder.verification.registry import MATH, SHIPPED

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

  # multiple choice; other domains, and verifiers of your own, go the same way (docs/verifiers.md)
  python -m builder.build --target my-target.yaml --source exam.jsonl --verifier choice --metadata-fields options

  # what is finished so far, as releases/qwen-interim; the build goes on, or is continued later
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --output releases/qwen --release-now

  # one of eight parts, on a machine of its own; then builder.merge (docs/clusters.md)
  python -m builder.build --target qwen2.5-math-7b --limit 50000 --shard 3/8

The same command again continues a build that was stopped, and asks the engine for nothing twice.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m builder.build",
        "Rewrite a supervised fine-tuning dataset so that it sits close to the model that will be "
        "trained on it: keep one of the target's own verified answers, else a verified retelling of the expert's "
        "solution, else the expert's text.",
        _EPILOG,
    )
    add_target_argument(p, required=False)
    p.add_argument("--list-targets", action="store_true", help="show the shipped targets and stop")
    p.add_argument("--print-target", action="store_true", help="show the target as a file, to start one's own from")
    p.add_argument("--output", type=Path, metavar="DIR", help="where the release appears (default: releases/TARGET)")
    p.add_argument("--tool-version", action="version", version=f"mind-the-gap {__version__}")

    add_flags(add_source_arguments(p), Settings, "shard")

    sampling = p.add_argument_group("sampling (defaults: the target's)")
    add_flags(sampling, Sampling, override=True)
    add_flags(sampling, Settings, "retell")

    add_rule_arguments(p)

    add_engine_arguments(p)
    measured = p.add_argument_group("what the release holds besides texts")
    add_flags(measured, Settings, "entropies", "candidate_scores", "candidate_tokens")

    hub = p.add_argument_group("publishing (see builder.publish)")
    hub.add_argument(
        "--push-to-hub", metavar="USER/NAME", help="publish the finished release in this dataset repository"
    )
    hub.add_argument("--version", metavar="X.Y.Z", help="version to publish it as; the tag is vX.Y.Z")
    hub.add_argument("--private", action="store_true", help="make a new repository private")

    run = p.add_argument_group("run")
    add_flags(run, Runtime, "ray", "give_up_rows")
    run.add_argument("--dry-run", action="store_true", help="show settings, prompts and an estimate; generate nothing")
    run.add_argument(
        "--probe",
        type=int,
        metavar="N",
        help="with --dry-run: build N of the rows, and say what tokens, time and disk all of them will take",
    )
    run.add_argument(
        "--release-now",
        action="store_true",
        help="draw nothing: write DIR-interim, an interim release of the rows that are finished; the build may go on "
        "meanwhile",
    )
    run.add_argument("--fresh", action="store_true", help="start over: forget what an earlier build left in --output")
    run.add_argument("--json", action="store_true", help="print the summary as JSON on standard output")
    return p


def add_target_argument(p: argparse.ArgumentParser, *, required: bool) -> None:
    """Which model to rewrite for."""
    p.add_argument(
        "--target",
        required=required,
        metavar="NAME|FILE|MODEL",
        help=f"model to rewrite for: {', '.join(list_targets())}; your own YAML file; or any chat model, as ORG/MODEL "
        "on the Hub or a local folder, from whose files the rest follows",
    )
    p.add_argument(
        "--plain-prompt",
        type=Path,
        metavar="FILE",
        help="what it is asked, a text with {problem} in it (default: the target's, else the verifier's kind's)",
    )
    p.add_argument(
        "--guided-prompt",
        type=Path,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="what asks for a retelling, with {problem} and {solution} in it; of several, each retelling is drawn with "
        "one, at random by seed, row and number",
    )


def prompted(args: argparse.Namespace, target: Target) -> Target:
    """The target with the prompts that the command line gives.

    Raises:
        InputError: a file cannot be read, or does not say where the problem goes.
    """
    own: dict[str, str | list[str]] = {}
    if args.plain_prompt:
        own["plain_prompt"] = _prompt(args.plain_prompt, "plain_prompt")
    if args.guided_prompt:
        texts = [_prompt(file, "guided_prompt") for file in args.guided_prompt]
        own["guided_prompt"] = texts[0] if len(texts) == 1 else texts
    return target.model_copy(update=own)


def _prompt(file: Path, name: str) -> str:
    where = f"--{name.replace('_', '-')} {file}"
    try:
        text = file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: {getattr(error, 'strerror', None) or error}") from None
    if missing := [part for part in PROMPT_PARTS[name] if part not in text]:
        raise InputError(f"{where}: lacks {' and '.join(missing)}")
    return text


def add_source_arguments(p: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Which rows, and where from."""
    source = p.add_argument_group("source")
    source.add_argument(
        "--source",
        nargs="+",
        default=["numinamath-cot"],
        metavar="SOURCE",
        help="numinamath-cot (default), gsm8k, gsm-symbolic, arithmetic, reasoning-gym:NAME, a Hub dataset id, or a "
        "JSONL, JSON, Parquet or CSV file; several are concatenated",
    )
    add_flags(source, SourceSpec)
    source.add_argument(
        "--metadata-fields",
        nargs="+",
        metavar="NAME",
        help="fields that the verifier needs besides problem and answer (options, tests, instructions); they stand in "
        "column metadata of the release",
    )
    add_flags(source, Settings, "limit", "seed", "drop_unverifiable", "drop_contradicted", "near_duplicates")
    source.add_argument(
        "--decontaminate",
        nargs="+",
        default=["auto"],
        metavar="BENCHMARK",
        help="reject problems that stand in these benchmarks: math500, minerva_math, olympiadbench, aime24, amc23, or "
        "a file with problems; off; auto (default): those of the five that this machine has in its cache",
    )
    return source


def add_rule_arguments(p: argparse.ArgumentParser) -> None:
    """What a text must be besides right in its answer, and how answers are checked."""
    rules = p.add_argument_group("rules for what is kept (docs/rules.md)")
    rules.add_argument(
        "--rules",
        choices=("default", "paper"),
        default="default",
        help="paper: the answer alone decides, in whatever form; the options below change one rule at a time",
    )
    add_flags(rules, Rules, override=True)
    add_verifier_arguments(rules)
    add_plugin_argument(rules, default=MATH)


def rules_from(args: argparse.Namespace, kind: Kind, base: Rules | None = None) -> Rules:
    """The rules that the command line asks for, of which those stay that can read a text of this kind.

    Args:
        args: of the command line.
        kind: of the texts.
        base: the rules to change; None for those that `--rules` names.

    Raises:
        InputError: the copy rate is no share, or a rule is asked for that no text of this kind has.
    """
    if kind != "value" and args.accept_answers:
        raise InputError(f"--accept-answers is about --verifier {MATH}; other verifiers know what an answer is")
    base = base or Rules.named(args.rules)
    return validated(Rules, base.model_dump() | given(args, Rules), "rules", flags=True).on(kind)


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
    add_flags(engine, Runtime, "concurrency", "patience")


def add_verifier_arguments(group: argparse._ArgumentGroup) -> None:
    """How answers are checked, for every command that has a verifier."""
    add_flags(group, Settings, "verifier_deadline", override=True)


def add_plugin_argument(group: argparse._ArgumentGroup, default: str | None) -> None:
    """Who decides whether a response is right, for every command that can ask another than `math`."""
    group.add_argument(
        "--verifier",
        default=default,
        metavar="NAME|MODULE:CLASS|URL|judge:FILE",
        help=f"who decides whether a response is right: {', '.join((MATH, *SHIPPED))}, your own class as "
        "package.module:Class, a server as http://..., or a model's opinion as judge:FILE (docs/verifiers.md; default: "
        + ("%(default)s)" if default else "the release's own)"),
    )


def settings_from(args: argparse.Namespace, target: Target, model_revision: str, engine: str) -> Settings:
    """Everything that determines D′, from the command line.

    Raises:
        InputError: a value is out of range, or longer than the target's context.
    """
    from builder.method.prompts import asking, hashes
    from builder.sources.benchmarks import resolved
    from builder.verification.plugged import verifier_named
    from builder.verification.registry import deadline_of

    sampling = validated(Sampling, target.sampling.model_dump() | given(args, Sampling), "sampling", flags=True)
    if sampling.max_tokens >= target.context_length:
        raise InputError(
            f"--max-tokens {sampling.max_tokens}: the target holds {target.context_length} tokens with the prompt"
        )
    verifier = verifier_named(args.verifier)
    kind = verifier.kind if verifier else "value"
    target = asking(prompted(args, target), kind)
    fields = given(args, SourceSpec) | {"metadata_fields": args.metadata_fields or []}
    return validated(
        Settings,
        {
            "target": target,
            "model_revision": model_revision,
            "sources": [SourceSpec(name=name, **fields) for name in args.source],
            "sampling": sampling,
            "engine": engine,
            "rules": rules_from(args, kind),
            "verifier": verifier,
            "verifier_deadline": deadline_of(args.verifier_deadline, verifier),
            "decontaminate": resolved(args.decontaminate),
            "prompt_hashes": hashes(target),
            "tool_version": __version__,
            **given(args, Settings),
        },
        "settings",
        flags=True,
    )
