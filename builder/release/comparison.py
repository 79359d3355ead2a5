"""What differs between two releases: rows, stages, texts, log-probs, settings, and which version that makes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from builder.config import setting_differences
from builder.release.manifest import without_paths
from builder.release.open import Release
from builder.release.records import CONFIGS, STAGES

if TYPE_CHECKING:
    import polars as pl

Bump = Literal["major", "minor", "patch", "none"]

_LOGPROBS = {"sum": "policy_logprob", "per_token": "policy_logprob_per_token"}


@dataclass(frozen=True)
class Comparison:
    """How the second release differs from the first.

    Attributes:
        before, after: names of the two.
        rows: in each of them, `common`, `added` and `removed`; a row is the same if id and problem are.
        added, removed: ids; one that names another problem now is in both.
        stages: rows that moved, by `(stage before, stage after)`.
        moved, rewritten: ids of common rows with another stage, with another completion or prompt.
        logprobs: for every stage of the second release and for `all`, over common rows: `rows`, and the mean policy
            log-prob `before` and `after` and their `shift`, each as `sum` over tokens and `per_token`, nats.
        same_policy: whether one policy scored both; a shift between policies is no shift of the text.
        settings: one line for each that differs.
        schema: one line for each column that was added, removed or has another type.
        bump: the smallest version step that is honest about it, see `smallest_bump`.
    """

    before: str
    after: str
    rows: dict[str, int]
    added: list[str]
    removed: list[str]
    stages: dict[tuple[str, str], int]
    moved: list[str]
    rewritten: list[str]
    logprobs: dict[str, dict[str, Any]]
    same_policy: bool
    settings: list[str]
    schema: list[str]
    bump: Bump

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        stages = [{"before": one, "after": other, "rows": n} for (one, other), n in self.stages.items()]
        return {**self.__dict__, "stages": stages}


def compare_releases(before: Release, after: Release) -> Comparison:
    """Compare two releases row by row.

    Raises:
        InputError: a config is missing in one of them.
    """
    import polars as pl

    old, new, key = _rows(before), _rows(after), ["id", "problem"]
    added = new.join(old, on=key, how="anti")["id"].sort().to_list()
    removed = old.join(new, on=key, how="anti")["id"].sort().to_list()
    common = old.join(new, on=key, how="inner", suffix="_after").sort("id")
    moved = common.filter(pl.col("stage") != pl.col("stage_after"))
    moves = moved.group_by("stage", "stage_after").agg(pl.len().alias("n")).sort("n", "stage", descending=[True, False])
    other_text = [pl.col(column) != pl.col(f"{column}_after") for column in ("prompt", "completion")]
    sizes = {"before": old, "after": new, "common": common, "added": added, "removed": removed}
    settings = setting_differences(*map(_settings, (before, after)))
    schema = _schema_differences(before, after)
    return Comparison(
        before=before.name,
        after=after.name,
        rows={name: len(rows) for name, rows in sizes.items()},
        added=added,
        removed=removed,
        stages={(one, other): n for one, other, n in moves.iter_rows()},
        moved=moved["id"].to_list(),
        rewritten=common.filter(pl.any_horizontal(other_text))["id"].to_list(),
        logprobs=_shifts(common),
        same_policy=_policy(before) == _policy(after),
        settings=settings,
        schema=schema,
        bump=smallest_bump(
            same_task=_task(before) == _task(after),
            same_data=_data(before) == _data(after),
            same_settings=not settings,
            schema=schema,
        ),
    )


def smallest_bump(*, same_task: bool, same_data: bool, same_settings: bool, schema: list[str]) -> Bump:
    """The smallest step from one version to the next by the rule of docs/publishing.md.

    Args:
        same_task: whether target, template, plain prompt and sources are the same, see `_task`.
        same_data: whether the data files are the same, byte by byte.
        same_settings: whether all settings are the same.
        schema: lines that begin with `removed`, `retyped` or `added`.

    Returns:
        `major` where code or a training run that is right for the one may be wrong for the other, `minor` where rows,
        texts or log-probs differ, or columns were added, `patch` where the data is the same, `none` where all is.
    """
    if not same_task or any(line.startswith(("removed", "retyped")) for line in schema):
        return "major"
    if not same_data or schema:
        return "minor"
    return "none" if same_settings else "patch"


def _settings(release: Release) -> dict[str, Any]:
    """All settings, those of a selection among them."""
    made = release.manifest.get("reselection", {})
    chosen = {name: made.get(name) for name in ("policy", "keep", "with_expert", "pass_rate")}
    return without_paths(release.manifest)["settings"] | ({"reselection": chosen} if made else {})


def _rows(release: Release) -> "pl.DataFrame":
    return (
        release.scan("default").select("id", "problem", "prompt", "completion", "stage", *_LOGPROBS.values()).collect()
    )


def _shifts(common: "pl.DataFrame") -> dict[str, dict[str, Any]]:
    import polars as pl

    means = [pl.len().alias("rows")]
    for column in _LOGPROBS.values():
        means += [pl.col(column).mean(), pl.col(f"{column}_after").mean()]
    of_stage = {row["stage_after"]: row for row in common.group_by("stage_after").agg(means).to_dicts()}
    found = {stage: of_stage[stage] for stage in STAGES if stage in of_stage}
    if len(common):
        found["all"] = common.select(means).to_dicts()[0]
    return {
        stage: {"rows": row["rows"], **{name: _shift(row, column) for name, column in _LOGPROBS.items()}}
        for stage, row in found.items()
    }


def _shift(row: dict[str, float], column: str) -> dict[str, float]:
    before, after = row[column], row[f"{column}_after"]
    return {"before": before, "after": after, "shift": after - before}


def _policy(release: Release) -> tuple[str, ...]:
    """What the log-probs are of."""
    settings = without_paths(release.manifest)["settings"]
    return settings["target"]["model"], settings["model_revision"], settings["target"]["dtype"]


def _task(release: Release) -> tuple[Any, ...]:
    """What a release is for: which policy sees which prompts, made from which sources."""
    manifest = release.manifest
    sources = [tuple(source.get(key) for key in ("name", "repo", "config", "split")) for source in manifest["sources"]]
    return (*_policy(release)[:2], manifest["target"]["hashes"], manifest["prompts"].get("plain"), sources)


def _data(release: Release) -> dict[str, str]:
    files = release.manifest["files"]
    return {path: facts["sha256"] for path, facts in files.items() if path.startswith("data/")}


def _schema_differences(before: Release, after: Release) -> list[str]:
    lines = []
    for config in CONFIGS:
        old, new = (dict(release.scan(config).collect_schema()) if release.has(config) else {}
                    for release in (before, after))  # fmt: skip
        lines += [f"removed {config}.{column}" for column in old if column not in new]
        lines += [f"added {config}.{column}" for column in new if column not in old]
        lines += [
            f"retyped {config}.{column}: was {old[column]}, is now {new[column]}"
            for column in old
            if column in new and old[column] != new[column]
        ]
    return lines
