"""Judge the stored texts of a release again: today's verifier, other rules, and an engine only for what that lacks.

python -m builder.reverify releases/llama --rules paper --output releases/llama-paper
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.arguments import add_engine_arguments, add_rule_arguments, rules_from
from builder.config import Settings
from builder.errors import EXIT_CODES, InputError
from builder.machine import cli
from builder.machine.validation import validated

if TYPE_CHECKING:
    from rich.console import Console

    from builder.release.open import Release

_EPILOG = f"""\
examples:
  # the same rules, with the verifier of this version of the tool
  python -m builder.reverify you/llama-d-prime@v1.0.0 --output releases/llama-again

  # what the rules cost: the paper's, and the release's own but for one
  python -m builder.reverify releases/llama --rules paper --output releases/llama-paper
  python -m builder.reverify releases/llama --allow-false-steps --output releases/llama-false-steps

  # by another verifier; prompts and samples stay as they are
  python -m builder.reverify releases/llama --verifier exact --output releases/llama-exact

  # with what has to be drawn then, on any machine that has the model
  python -m builder.reverify you/llama-d-prime@v1.0.0 --rules paper --engine vllm --output releases/llama-paper

A row whose text falls keeps another candidate, as a build would choose it. Where a build would ask the engine for more
(retellings of a problem that is no longer solved, log-probs of a text that nobody scored), the expert's text stays, for
the reason needs_engine. With --engine or --engine-url these, and nothing else, are drawn and scored.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.reverify", "Judge the stored texts of a release again.", _EPILOG)
    p.add_argument("release", metavar="RELEASE", help="directory, or a published one as USER/NAME@vX.Y.Z")
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the new release appears")
    add_rule_arguments(p)
    add_engine_arguments(p)
    p.set_defaults(rules=None, accept_answers=None, verifier=None, verifier_deadline=None)  # the release's own
    p.set_defaults(engine=None, ray=None, give_up_rows=0, dry_run=False, release_now=False)  # none is asked
    p.add_argument("--fresh", action="store_true", help="replace the release that is there")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Judge again; returns the exit code.

    Raises:
        InputError: the release cannot be judged again, or the rules are none.
    """
    args = parser().parse_args(arguments)
    from rich.console import Console

    from builder.release.open import open_release
    from builder.release.settings import settings_of
    from builder.release.summary import print_summary

    console = Console(width=None if sys.stdout.isatty() else 110)
    release, output = open_release(args.release), args.output.absolute()
    settings = _settings(args, settings_of(release, "verify"))
    if args.engine or args.engine_url:
        manifest = _drawn(args, release, settings, output, console)
        said = _compared(release.manifest["summary"], manifest["summary"])
    else:
        manifest = _reverified(release, settings, output, console, fresh=args.fresh)
        said = _said(manifest["reverification"])
    print_summary(console, manifest, output)
    for label, text in said:
        console.print(f"{label:<12}{text}", highlight=False, soft_wrap=True)
    return 0


def _drawn(
    args: argparse.Namespace, release: "Release", settings: Settings, output: Path, console: "Console"
) -> dict[str, Any]:
    """Build anew from what the release holds, and have the rest drawn; returns the manifest."""
    from builder.building.restore import restoring
    from builder.building.session import built, engine_and_model
    from builder.release.manifest import read_manifest
    from builder.release.settings import refuse_interim

    refuse_interim(release)
    if "reverification" in (read_manifest(output) or {}) and not args.fresh:
        raise InputError(f"{output} was made without an engine; choose another --output, or give --fresh")
    engine, model = engine_and_model(args, settings.target)
    settings = settings.model_copy(update={"engine": engine})
    if model.revision != settings.model_revision:
        raise InputError(
            f"{release.name} was drawn by {settings.target.model} at {settings.model_revision}; here it is "
            f"{model.revision}"
        )
    return built(args, settings, model, output, console, restoring(release, settings, model.path))[0]


def _settings(args: argparse.Namespace, own: Settings) -> Settings:
    """The release's settings, with the rules that the command line gives and those who judge today."""
    from builder import __version__
    from builder.verification.plugged import verifier_named
    from builder.verification.registry import MATH, deadline_of

    verifier = verifier_named(args.verifier or (own.verifier.plugin if own.verifier else MATH))
    kind = verifier.kind if verifier else "value"
    seconds = args.verifier_deadline
    if seconds is None and args.verifier is None:
        seconds = own.verifier_deadline
    judged = {
        "rules": rules_from(args, kind, None if args.rules else own.rules),
        "verifier": verifier,
        "tool_version": __version__,
        "verifier_deadline": deadline_of(seconds, verifier),
    }
    return validated(Settings, own.model_dump() | judged, "settings")


def _reverified(
    release: "Release", settings: Settings, output: Path, console: "Console", *, fresh: bool
) -> dict[str, Any]:
    """Judge again unless that was done before; returns the manifest.

    Raises:
        InputError: the rules ask for what only an engine can tell.
    """
    most, before = settings.rules.max_hint_reliance, release.manifest["rules"].get("max_hint_reliance")
    if most is not None and most != before:
        raise InputError(f"--max-hint-reliance {most:g}: log-probs are needed, so add --engine or --engine-url")
    from builder.building.derived import derived
    from builder.release.reverification import is_made

    def write(scratch: Path) -> dict[str, Any]:
        return _write(release, settings, scratch, console)

    def same(manifest: dict[str, Any]) -> bool:
        return is_made(manifest, release, settings)

    return derived(output, [release], write, same, console, fresh=fresh)


def _write(release: "Release", settings: Settings, scratch: Path, console: "Console") -> dict[str, Any]:
    from builder.machine.display import PaceDisplay
    from builder.policy.chat import Chat
    from builder.policy.models import resolve_model
    from builder.release.files import finish
    from builder.release.reverification import Reverifier, reverified_manifest, reverify
    from builder.release.summary import summarize
    from builder.reporting.static_plots import with_plots
    from builder.verification.verifier import Verifier

    chat = Chat(resolve_model(settings.target, weights=False).path, settings.target)
    total = release.manifest["summary"]["stages"]["all"]
    with (
        Verifier(deadline=settings.verifier_deadline, plugin=settings.verifier) as verifier,
        PaceDisplay(console, total, "rows", "all rows judged") as display,
    ):
        reverifier = Reverifier(release, settings, chat, verifier)
        reverify(release, reverifier, scratch, display.advance)
    content = reverified_manifest(release, settings, reverifier, summarize(scratch))
    return finish(scratch, with_plots(scratch, content))


def _compared(before: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What has changed, for a person, where more was drawn."""
    for label in ("stages", "verdicts"):
        names = dict.fromkeys([*before[label], *now[label]])
        changes = [(n, before[label].get(n, 0), now[label].get(n, 0)) for n in names]
        said = ", ".join(f"{name} {old:,} → {new:,}" for name, old, new in changes if old != new)
        yield label, f"changed: {said or 'none'}"


def _said(made: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What has changed, for a person."""

    def listing(changes: list[dict[str, Any]]) -> str:
        return ", ".join(f"{c['before']} → {c['now']} {c['number']:,}" for c in changes) or "none"

    yield (
        "parent",
        f"{made['parent']['name']}, of whose {made['rows']:,} rows {made['changed']:,} keep another text now",
    )
    yield "stages", f"changed: {listing(made['stages'])}"
    yield "verdicts", f"changed: {listing(made['verdicts'])}"
    if made["needs_engine"]:
        yield "to draw", f"{made['needs_engine']:,} rows need an engine (--engine or --engine-url)"


if __name__ == "__main__":
    cli.run(main)
