"""The dataset card: one template, rendered with the real numbers of a release."""

import hashlib
import json
import re
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa
import yaml

from builder.hub import HUB_ID
from builder.method.rule_words import rules_in_words, whose_rules
from builder.release.paper import TABLE_1
from builder.release.pass_rates import is_adaptive
from builder.release.records import CONFIGS, Column
from builder.release.summary import rows_by_config

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_HUB_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_NOWHERE = "PATH/OF/THIS/DIRECTORY"


def render_card(manifest: dict[str, Any]) -> str:
    """The README of a release, as Markdown with YAML front matter that declares its configs.

    Args:
        manifest: of the release. With a member `publication` the card is that of a version of a Hub repository;
            without `summary`, the card of a release that is still to be built.
    """
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"cell": _cell, "line": _line, "literal": _literal, "type": _type}
    template = environment.from_string((resources.files("dataset_cards") / "template.md").read_text("utf-8"))
    publication = manifest.get("publication")
    summary, part = manifest.get("summary"), _part(manifest)
    sources = ", ".join(source["name"] for source in manifest["sources"])
    return template.render(
        front_matter=yaml.safe_dump(_front_matter(manifest), sort_keys=False, allow_unicode=True),
        title=_named(f"D′ of {manifest['target']['name']} from {sources}", manifest),
        m=manifest,
        part=part,
        interim=manifest.get("interim"),
        sources=[{"repo": None, "config": None, **source} for source in manifest["sources"]],
        summary=summary,
        paper=TABLE_1.get(manifest["target"]["model"]),
        total=summary["stages"]["all"] if summary else 0,
        publication=publication,
        name=publication["repo"] if publication else _NOWHERE,
        base_model=_base_model(manifest),
        adaptive=is_adaptive(manifest),
        kind=_kind(manifest),
        right="judged correct" if _opinion(manifest) else "verified correct",
        opinion=_opinion(manifest),
        rules=rules_in_words(manifest["rules"]),
        whose_rules=whose_rules(manifest["rules"]),
        steps_checked=manifest["rules"].get("forbid_false_steps", False),
        examples=bool(manifest["settings"]["target"].get("examples")),
        max_length=manifest["settings"]["target"]["max_length"],
        configs=CONFIGS,
        loadable=_loadable(manifest),
        terms=_terms(),
        num=lambda value: "-" if value is None else f"{value:,.3f}",
        listing=lambda counts: ", ".join(f"{n:,} {name}" for name, n in counts.items()) or "none",
    )


def _cell(text: str) -> str:
    """Text that does not end the table cell it stands in."""
    return text.replace("|", "\\|")


def _line(text: str) -> str:
    """Text of a source on one line, in which no Markdown begins."""
    return re.sub(r"([\\`*\[\]<>])", r"\\\1", " ".join(text.split()))


def _literal(values: dict[str, str | int | bool]) -> str:
    """A flat mapping as Python code."""
    items = (f'"{key}": {json.dumps(value) if isinstance(value, str) else value}' for key, value in values.items())
    return "{" + ", ".join(items) + "}"


def _type(kind: pa.DataType) -> str:
    """An Arrow type as people write it: `list[int32]`, `list[{role, content}]`."""
    if not pa.types.is_list(kind):
        return _dtype(kind)
    inner = kind.value_type
    if pa.types.is_struct(inner):
        return f"list[{{{', '.join(field.name for field in inner)}}}]"
    return f"list[{_dtype(inner)}]"


@cache
def _terms() -> dict[str, dict[str, str]]:
    return yaml.safe_load((resources.files("dataset_cards") / "terms.yaml").read_text("utf-8"))


def _front_matter(manifest: dict[str, Any]) -> dict[str, Any]:
    subject = ["math"] if _kind(manifest) == "value" else []
    front = {
        "pretty_name": _named(f"Mind the Gap, {manifest['target']['name']}", manifest),
        "language": ["en"],
        **_license(manifest),
        "task_categories": ["text-generation"],
        "tags": [*subject, "sft", "synthetic", "data-rewriting", "mind-the-gap", "distilabel"],
    }
    if "summary" in manifest:
        rows = manifest["summary"]["stages"]["all"]
        front["size_categories"] = [next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")]
    if sources := [source["repo"] for source in manifest["sources"] if source.get("repo")]:
        front["source_datasets"] = sources
    if HUB_ID.fullmatch(model := _base_model(manifest)):
        front["base_model"] = model
    loadable = _loadable(manifest)
    front["configs"] = [_config(manifest, name) for name in loadable]
    front["dataset_info"] = [
        {"config_name": name, "features": [_feature(column) for column in CONFIGS[name]]} for name in loadable
    ]
    return front


def _kind(manifest: dict[str, Any]) -> str:
    """What its responses are (`builder.method.kinds`); `math` says nothing of it."""
    return manifest["verifier"].get("kind", "value")


def _opinion(manifest: dict[str, Any]) -> str:
    """What stands behind the name of a stage whose texts no verifier has found right; else nothing."""
    return " (judged)" if manifest["verifier"].get("judged_by") else ""


def _part(manifest: dict[str, Any]) -> str | None:
    """Which part of a build a release is; None if the whole."""
    shard = manifest["settings"].get("shard")
    return f"shard {shard.replace('/', ' of ')}" if shard else None


def _named(name: str, manifest: dict[str, Any]) -> str:
    """A name that says what else a release is than a whole, finished one."""
    return ", ".join(filter(None, [name, _part(manifest), "interim" if manifest.get("interim") else None]))


def _loadable(manifest: dict[str, Any]) -> list[str]:
    """The configs with rows; `datasets` fails on a split without any, so that one is better not declared."""
    if "summary" not in manifest:
        return list(CONFIGS)
    rows = rows_by_config(manifest["summary"])
    return [name for name in CONFIGS if rows[name]]


def _base_model(manifest: dict[str, Any]) -> str:
    """The target's repository; a model that came from a directory has no name that means anything elsewhere."""
    local = manifest["target"]["revision"].startswith("local-")
    return manifest["target"]["name"] if local else manifest["target"]["model"]


def _license(manifest: dict[str, Any]) -> dict[str, Any]:
    """All licences that bear on a row, as the Hub knows them; anything else is `other`, and the card says what."""
    declared = [manifest["target"]["license"], *(source["license"] or "unknown" for source in manifest["sources"])]
    ids = list(dict.fromkeys(name if _HUB_LICENSE.fullmatch(name) else "other" for name in declared))
    front: dict[str, Any] = {"license": ids[0] if len(ids) == 1 else ids}
    if "other" in ids:
        front["license_name"] = "see-the-section-licences"
    return front


def _config(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """One config, with a word about its content.

    `datasets` caches what it loads from a directory under the directory's last name and this mapping alone: without
    that word it would hand out an earlier release of the same name.
    """
    folder = f"data/{name}/"
    config: dict[str, Any] = {"config_name": name, "data_files": f"{folder}*.parquet"}
    content = "".join(facts["sha256"] for path, facts in manifest["files"].items() if path.startswith(folder))
    if content:
        config["description"] = f"content {hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return config | ({"default": True} if name == "default" else {})


def _feature(column: Column) -> dict[str, Any]:
    """A column as `datasets` declares it in a card."""
    return {"name": column.name, **_declared(column.type)}


def _declared(kind: pa.DataType) -> dict[str, Any]:
    if not pa.types.is_list(kind):
        return {"dtype": _dtype(kind)}
    if pa.types.is_struct(inner := kind.value_type):
        return {"list": [{"name": field.name, "dtype": _dtype(field.type)} for field in inner]}
    return {"list": _dtype(inner)}


def _dtype(kind: pa.DataType) -> str:
    return {pa.float64(): "float64", pa.float32(): "float32"}.get(kind, str(kind))
