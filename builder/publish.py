"""Publish D′: a release as one commit and one tag of a dataset repository on the Hub.

python -m builder.publish releases/llama --repo you/llama-d-prime --version 1.0.0
"""

import argparse

from builder.errors import EXIT_CODES, InputError
from builder.hub import check_repo
from builder.machine import cli
from builder.publishing.versions import parse_version

_EPILOG = f"""\
examples:
  # what would change on the Hub
  python -m builder.publish releases/llama --repo you/llama-d-prime --version 1.0.0 --dry-run

  # publish; the same command again finishes what was interrupted
  python -m builder.publish releases/llama --repo you/llama-d-prime --version 1.0.0 --private

  # what people then do
  load_dataset("you/llama-d-prime", revision="v1.0.0")

The token is HF_TOKEN, or the one that `hf auth login` has stored. A published version never changes: data, card and
manifest arrive in one commit, the tag v1.0.0 is put on exactly that commit, and every config is then loaded at the
tag and compared with the release. docs/publishing.md says what makes a major, a minor and a patch version.

exit codes:
{EXIT_CODES}"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = cli.parser(
        "python -m builder.publish", "Publish a release on the Hugging Face Hub, as one commit and one tag.", _EPILOG
    )
    p.add_argument("release", metavar="RELEASE", help="directory that builder.build has written")
    p.add_argument("--repo", required=True, metavar="USER/NAME", help="dataset repository; made if there is none")
    p.add_argument("--version", required=True, metavar="X.Y.Z", help="version of the dataset; the tag is vX.Y.Z")
    p.add_argument("--private", action="store_true", help="make a new repository private")
    p.add_argument("--changes", metavar="TEXT", help="what is new, for the changelog in the card")
    p.add_argument("--interim", action="store_true", help="publish an interim release, although rows are unfinished")
    p.add_argument("--dry-run", action="store_true", help="list what would change on the Hub; needs no token")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Publish, or say what would be published; returns the exit code.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    args = parser().parse_args(arguments)
    repo, version = check_repo(args.repo), parse_version(args.version)

    from rich.console import Console

    from builder.publishing.publication import Publication
    from builder.release.open import open_release

    release = open_release(args.release)
    if (interim := release.manifest.get("interim")) and not args.interim:
        raise InputError(
            f"{release.name} is an interim release: {interim['unfinished']:,} of its rows are not finished; finish the "
            "build, or publish it all the same with --interim"
        )
    publication = Publication(repo, version, Console(), private=args.private, note=args.changes)
    (publication.dry_run if args.dry_run else publication.run)(release)
    return 0


if __name__ == "__main__":
    cli.run(main)
