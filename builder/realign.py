"""Follow a moving checkpoint: D′ for the next one from a release of the last, sampling only what has changed.

python -m builder.realign releases/llama --target runs/sft/checkpoint-200 --output releases/llama-200
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.arguments import add_engine_arguments
from builder.config import Realign, Settings
from builder.errors import EXIT_CODES
from builder.machine import cli
from builder.machine.flags import add_flags, given
from builder.machine.interrupts import interrupt_when_terminated

if TYPE_CHECKING:
    from rich.console import Console

    from builder.policy.models import Model
    from builder.release.open import Release

_EPILOG = f"""\
what is done:
  Every answer that the earlier checkpoint gave to a problem it solved is scored once under the new one; r is how much
  likelier it is now. The row keeps one of its correct answers, drawn in proportion to min(r, C), where the policy has
  moved little on this problem: the effective sample size of its answers is a share --min-ess of their number, and the
  kept one has |log r| of --max-log-ratio nats a token at most. All other rows, and all retellings, are drawn anew, as
  builder.build does. builder/method/reuse.py derives it; docs/selection.md says how the bounds were found.
  Columns origin_revision and reuse_log_ratio say which texts were kept; policy log-probs are the new checkpoint's,
  behavior log-probs those of the one that drew the text.

examples:
  # how many rows would be kept, and what would be drawn; this starts the engine and scores, and the scores stay
  python -m builder.realign releases/llama --target runs/sft/checkpoint-200 --output releases/llama-200 --dry-run

  # the same, done; and from that release to a later checkpoint
  python -m builder.realign releases/llama --target runs/sft/checkpoint-200 --output releases/llama-200
  python -m builder.realign releases/llama-200 --target runs/sft/checkpoint-400 --output releases/llama-400

  # 256 of its rows, the next round of online rewriting (trainers.online does this for each)
  python -m builder.realign releases/llama --target runs/round-1 --rows 256:512 --output releases/round-2

  # stricter: only where nearly nothing has changed
  python -m builder.realign releases/llama --target runs/sft --min-ess 0.9 --max-log-ratio 0.02 --output releases/sft

The same command again continues what was stopped; with other bounds it goes on with what is scored and drawn already.
A checkpoint whose bytes are those that wrote RELEASE costs nothing and gives the same rows.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser("python -m builder.realign", "Follow a moving checkpoint, sampling only what has changed.", _EPILOG)
    p.add_argument("release", metavar="RELEASE", help="directory, or a published one as USER/NAME@vX.Y.Z")
    p.add_argument(
        "--target",
        required=True,
        metavar="NAME|FILE|MODEL",
        help="the new checkpoint: a local folder or ORG/MODEL, which is asked as RELEASE's own target was; or a target "
        "file or a shipped target that says the same, and how it spreads over GPUs",
    )
    p.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the new release appears")
    add_flags(p.add_argument_group("when an answer is kept"), Realign)
    add_engine_arguments(p)
    run = p.add_argument_group("run")
    run.add_argument("--dry-run", action="store_true", help="score stored answers, say what could stay; draw nothing")
    run.add_argument("--fresh", action="store_true", help="start over: forget what an earlier run left in --output")
    p.set_defaults(ray=None, give_up_rows=0, release_now=False)
    return p


def main(arguments: list[str] | None = None) -> int:
    """Realign, or say what that would draw; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    from rich.console import Console

    from builder.building.session import engine_and_model
    from builder.policy.chat import Chat
    from builder.policy.derive import checkpoint_named
    from builder.policy.models import resolve_model
    from builder.release.open import open_release
    from builder.release.realignment import realigned_settings
    from builder.release.settings import settings_of

    console = Console(width=None if sys.stdout.isatty() else 110)
    release, output = open_release(args.release), args.output.absolute()
    target = checkpoint_named(args.target, settings_of(release, "realign").target)
    model = resolve_model(target, weights=False)
    hashes = Chat(model.path, target).hashes()
    settings = realigned_settings(release, target, model.revision, hashes, given(args, Realign))
    if model.revision == settings.realign.parent.model_revision and not settings.realign.rows:
        return _unchanged(release, output, console, fresh=args.fresh, dry_run=args.dry_run)
    engine, model = engine_and_model(args, target)
    settings = settings.model_copy(update={"engine": engine})
    if args.dry_run:
        return _weighed(args, release, settings, model, output, console)
    return _realigned(args, release, settings, model, output, console)


def _unchanged(release: "Release", output: Path, console: "Console", *, fresh: bool, dry_run: bool) -> int:
    """The same rows: this very checkpoint has written them."""
    from builder.building.derived import derived
    from builder.release.files import finish
    from builder.release.realignment import copied, is_copy
    from builder.reporting.static_plots import with_plots

    console.print(f"{release.name} was written by this very checkpoint: its rows stay, and nothing is drawn",
                  highlight=False, soft_wrap=True)  # fmt: skip
    if dry_run:
        return 0

    def write(scratch: Path) -> dict[str, Any]:
        return finish(scratch, with_plots(scratch, copied(release, scratch)))

    derived(output, [release], write, lambda manifest: is_copy(manifest, release), console, fresh=fresh)
    console.print(f"release     {output}", highlight=False, soft_wrap=True)
    return 0


def _realigned(
    args: argparse.Namespace, release: "Release", settings: Settings, model: "Model", output: Path, console: "Console"
) -> int:
    """Build from what may stay, and have the rest drawn."""
    from builder.building.restore import restoring
    from builder.building.session import built
    from builder.release.summary import print_summary

    manifest, _ = built(args, settings, model, output, console, restoring(release, settings, model.path))
    print_summary(console, manifest, output)
    return 0


def _weighed(
    args: argparse.Namespace, release: "Release", settings: Settings, model: "Model", output: Path, console: "Console"
) -> int:
    """Say what may stay, and draw nothing."""
    from builder.building.weigh import weighed

    counts = weighed(args, release, settings, model, output, console)
    for label, text in _said(counts, settings.sampling.candidates).items():
        console.print(f"{label:<12}{text}", highlight=False, soft_wrap=True)
    return 0


def _said(counts: Counter[str], candidates: int) -> dict[str, str]:
    """What was counted, for a person."""
    solved = counts["rows"] - counts["unsolved"]
    stays = f"{counts['reused']:,} of {solved:,} solved rows could stay, by {counts['scored']:,} scored answers"
    own = f"; {counts['own']:,} are this checkpoint's own" if counts["own"] else ""
    drawn = counts["anew"] * candidates
    return {
        "reused": stays + own,
        "not reused": f"{counts['min_ess']:,} for --min-ess, {counts['max_log_ratio']:,} for --max-log-ratio, "
        f"{counts['no_acceptable_candidate']:,} without an acceptable answer; {counts['unsolved']:,} were not solved",
        "to draw": f"{drawn:,} candidates for {counts['anew']:,} of {counts['rows']:,} rows, and at most as many "
        "retellings",
    }


if __name__ == "__main__":
    interrupt_when_terminated()
    cli.run(main)
