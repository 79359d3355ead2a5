"""The dataset card: one template, rendered with the real numbers of a release."""

import hashlib
from importlib import resources
from typing import Any

import yaml

from builder.records import CONFIGS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def render_card(manifest: dict[str, Any]) -> str:
    """The README of a release, as Markdown with YAML front matter that declares its configs."""
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string((resources.files("dataset_cards") / "template.md").read_text("utf-8"))
    return template.render(
        front_matter=yaml.safe_dump(_front_matter(manifest), sort_keys=False, allow_unicode=True),
        title=f"D′ of {manifest['target']['name']} from {', '.join(s['name'] for s in manifest['sources'])}",
        m=manifest,
        total=manifest["summary"]["stages"]["all"],
        configs=CONFIGS,
        num=lambda value: "-" if value is None else f"{value:,.3f}",
    )


def _front_matter(manifest: dict[str, Any]) -> dict[str, Any]:
    rows = manifest["summary"]["stages"]["all"]
    return {
        "pretty_name": f"Mind the Gap, {manifest['target']['name']}",
        "language": ["en"],
        "task_categories": ["text-generation"],
        "tags": ["math", "sft", "data-rewriting", "mind-the-gap", "distilabel"],
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")],
        "configs": [_config(manifest, name) for name in CONFIGS],
    }


def _config(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """One config, with a word about its content.

    `datasets` caches what it loads from a directory under the directory's last name and this mapping alone: without
    that word it would hand out an earlier release of the same name.
    """
    folder = f"data/{name}/"
    content = "".join(facts["sha256"] for path, facts in manifest["files"].items() if path.startswith(folder))
    config = {
        "config_name": name,
        "data_files": f"{folder}*.parquet",
        "description": f"content {hashlib.sha256(content.encode()).hexdigest()[:16]}",
    }
    return config | ({"default": True} if name == "default" else {})
