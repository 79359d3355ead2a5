"""Another choice among the candidates of a release: what it is, what it needs, and what its manifest says."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.method.choosing.policies import POLICIES, Options, Policy
from builder.release.manifest import NAME, facts
from builder.release.open import Release
from builder.release.pass_rates import is_adaptive

OF_THE_RELEASE = ("publication", "plots", "files")  # not of the build
_BEHAVIOR = (
    "Behavior log-probs are those of drawing each text once, before the choice: the kept texts do not have that "
    "distribution, and importance weights made of them do not correct for the choice."
)


@dataclass(frozen=True)
class Reselection:
    """A choice.

    Attributes:
        policy: a name in `POLICIES`.
        keep: rows of a problem at most; None for a policy that keeps one.
        with_expert: whether the expert's text takes part.
        pass_rate: lowest and highest share of correct own answers of a problem that stays; None for any.
    """

    policy: str
    keep: int | None = None
    with_expert: bool = False
    pass_rate: tuple[float, float] | None = None

    @property
    def how(self) -> Policy:
        """The policy itself."""
        return POLICIES[self.policy]

    @property
    def in_words(self) -> str:
        """As the command line says it."""
        band = f" --pass-rate {self.pass_rate[0]:g} {self.pass_rate[1]:g}" if self.pass_rate else ""
        keep = f" --keep {self.keep}" if self.keep else ""
        return f"--policy {self.policy}{keep}{' --with-expert' if self.with_expert else ''}{band}"

    def options(self, release: Release) -> Options:
        """What the policy is told of a release."""
        return Options(self.keep or 1, self.with_expert, _hardest(release))

    def as_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return asdict(self) | {"pass_rate": list(self.pass_rate) if self.pass_rate else None}


def refuse_what_is_lacking(release: Release, reselection: Reselection) -> None:
    """Check that a release has what a choice is made of.

    Raises:
        InputError: naming what it lacks, and how to get it.
    """
    if parent := release.manifest.get("reselection"):
        raise InputError(f"{release.name} is a selection itself, of {parent['parent']['name']}: choose from that")
    if reselection.policy == "random" and not reselection.pass_rate:
        return
    if is_adaptive(release.manifest) and (reselection.how.looks_at_all or reselection.pass_rate):
        what = f"--policy {reselection.policy}" if reselection.how.looks_at_all else "--pass-rate"
        raise InputError(
            f"{what} compares all candidates of a problem, but {release.name} was sampled adaptively: drawing stopped "
            "at the first that may be kept, so that the rest is missing; build with --sampling fixed"
        )
    if reselection.policy != "random":
        _refuse_missing_texts(release, reselection)
    if reselection.keep:
        _refuse_numbered_ids(release)


def _refuse_missing_texts(release: Release, reselection: Reselection) -> None:
    settings, needs = release.manifest["settings"], reselection.how.needs
    if not settings.get("candidate_tokens", True):
        raise InputError(
            f"{release.name} was built with --candidates-without-tokens: there is nothing to keep in place of a text"
        )
    if needs == "retellings" and settings.get("retell") != "all":
        raise InputError(
            f"--policy {reselection.policy} takes the first retelling of every problem, but {release.name} has "
            "retellings of unsolved problems only; build with --retell all"
        )
    for column, level in (("policy_logprob", "logprobs"), ("excess_surprisal", "entropies")):
        if column in ("policy_logprob", needs) and (number := _without(release, column)):
            raise InputError(
                f"{number:,} acceptable candidates of {release.name} have no {column}; the same build command with "
                f"--score-candidates {level} adds it without sampling again"
            )


def _refuse_numbered_ids(release: Release) -> None:
    import polars as pl

    numbered = release.scan("default").filter(pl.col("id").str.contains(r"#\d+$")).select("id").head(1)
    for (name,) in numbered.collect(engine="streaming").iter_rows():
        raise InputError(f"{release.name}: a second row of {name.rpartition('#')[0]} would have the id of row {name}")


def _without(release: Release, column: str) -> int:
    """How many candidates that may be kept lack a value."""
    import polars as pl

    candidates = release.scan("candidates")
    if column not in candidates.collect_schema():
        raise InputError(
            f"{release.name} was built by a version of the tool that did not keep {column}; build it again"
        )
    lacking = candidates.filter(pl.col("rejected_reason").is_null() & pl.col(column).is_null())
    return lacking.select(pl.len()).collect(engine="streaming").item()


def _hardest(release: Release) -> Fraction:
    """The largest fail rate of any problem; 1 if none was ever failed."""
    import polars as pl

    rates = release.scan("default").filter(pl.col("self_correct") < pl.col("self_sampled"))
    pairs = rates.select("self_sampled", "self_correct").unique().collect(engine="streaming")
    return max((Fraction(sampled - correct, sampled) for sampled, correct in pairs.iter_rows()), default=Fraction(1))


def reselected_manifest(
    release: Release, reselection: Reselection, summary: dict[str, Any], counts: Mapping[str, int]
) -> dict[str, Any]:
    """The manifest of a selection, but for the facts about its files; costs are those of the build.

    Args:
        release: chosen from.
        reselection: the choice.
        summary: of the new rows.
        counts: problems by what became of them: `problems`, `changed`, `left_out`.
    """
    common = {key: value for key, value in release.manifest.items() if key not in OF_THE_RELEASE}
    return common | {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": summary,
        "fingerprint": _fingerprint(release, reselection),
        "reselection": reselection.as_json()
        | {
            "meaning": reselection.how.meaning,
            "parent": parent(release),
            **counts,
            "behavior": None if reselection.policy == "random" else _BEHAVIOR,
        },
    }


def parent(release: Release) -> dict[str, Any]:
    """Which release a selection was made of; a directory is known by its last name."""
    name = Path(release.name).resolve().name if release.revision is None else release.name
    identity = facts(release.path / NAME)["sha256"]
    return {"name": name, "revision": release.revision, "manifest": identity}


def is_made(manifest: Mapping[str, Any], release: Release, reselection: Reselection) -> bool:
    """Whether a manifest is that of this choice from this release."""
    found = manifest.get("reselection", {})
    same_choice = {name: found.get(name) for name in reselection.as_json()} == reselection.as_json()
    return same_choice and found["parent"]["manifest"] == parent(release)["manifest"]


def _fingerprint(release: Release, reselection: Reselection) -> str:
    content = [release.manifest["fingerprint"], reselection.as_json()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
