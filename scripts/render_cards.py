"""Render the cards of the shipped targets into dataset_cards/.

python -m scripts.render_cards                          # after a change of the template or of a target
python -m scripts.render_cards --release releases/demo  # show the numbers of this release of smollm2-135m-instruct

The paper's targets have no release that this repository could show: their cards say what is known before a build, and
have no numbers but those that the paper reports. The card of smollm2-135m-instruct is that of a real release, whose
manifest is kept beside it. Targets of which nothing is known yet have no card.
"""

import json
from pathlib import Path
from typing import Any

from builder import __version__
from builder.config import Settings, Target, list_targets, load_target
from builder.machine import cli
from builder.method.prompts import hashes
from builder.release.card import render_card
from builder.release.manifest import without_paths
from builder.release.open import open_release
from builder.release.paper import TABLE_1
from builder.sources.hub import BUILT_IN
from builder.verification.registry import verifier_provenance

CARDS = Path(__file__).resolve().parents[1] / "dataset_cards"
PAPER_SOURCE = "numinamath-cot"


def carded() -> list[str]:
    """The shipped targets that have a card."""
    return [name for name in list_targets() if manifest_file(name).is_file() or load_target(name).model in TABLE_1]


def card(target: Target) -> str:
    """The card of a target: of its release, where there is one, or of what a build would make."""
    file = manifest_file(target.name)
    manifest = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else planned(target)
    return render_card(manifest)


def manifest_file(name: str) -> Path:
    """Where the manifest of a target's release is kept."""
    return CARDS / f"{name}.manifest.json"


def planned(target: Target) -> dict[str, Any]:
    """The manifest of a release that is still to be built from the paper's source, as far as it is known."""
    settings = Settings(
        target=target,
        model_revision=target.revision,
        sources=[{"name": PAPER_SOURCE}],
        sampling=target.sampling,
        engine="vllm",
        prompt_hashes=hashes(target),
        tool_version=__version__,
    )
    source = BUILT_IN[PAPER_SOURCE]
    return {
        "tool": {"version": __version__},
        "target": target.model_dump(),
        "sources": [{"name": PAPER_SOURCE, "repo": source.repo, "revision": None, "license": source.license}],
        "sampling": target.sampling.model_dump(),
        "seed": settings.seed,
        "rules": settings.stated_rules,
        "verifier": verifier_provenance(settings.verifier, settings.verifier_deadline),
        "engine": None,
        "settings": settings.model_dump(mode="json"),
        "files": {},
    }


def main() -> None:
    """Write all cards."""
    parser = cli.parser("python -m scripts.render_cards", __doc__)
    parser.add_argument("--release", metavar="RELEASE", help="a release of a shipped target, to show its numbers")
    if name := parser.parse_args().release:
        manifest = without_paths(open_release(name).manifest)
        manifest.pop("publication", None)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        manifest_file(manifest["target"]["name"]).write_text(text, encoding="utf-8")
    for target in map(load_target, carded()):
        file = CARDS / f"{target.name}.md"
        file.write_text(card(target), encoding="utf-8")
        print(file.relative_to(CARDS.parent))


if __name__ == "__main__":
    main()
