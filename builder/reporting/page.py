"""One HTML file that needs nothing else: style, scripts, plots and examples are all in it.

Problems, solutions and candidates are untrusted text. The template escapes what it prints, examples travel as JSON in
which no tag can end, the scripts build nodes and never parse HTML, and the page's own content security policy allows no
request and no script but these, by their hashes.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from builder.release.open import Release
from builder.reporting import findings, tables
from builder.reporting.examples import Examples
from builder.reporting.figures import figures
from builder.reporting.numbers import count
from builder.reporting.remarkable import REASONS
from builder.reporting.statistics import Statistics

_FILES = resources.files("builder.reporting") / "page"
_STYLES = ("plots.css", "page.css")
_SCRIPTS = ("symbols.js", "formula.js", "typeset.js", "difference.js", "examples.js", "theme.js")


def render(release: Release, statistics: Statistics, examples: Examples) -> str:
    """The page of a release, as HTML."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    m = release.manifest
    style = "\n".join(_read(name) for name in _STYLES)
    scripts = [_read(name) for name in _SCRIPTS]
    return environment.from_string(_read("page.html")).render(
        name=release.name if release.revision else release.path.resolve().name,
        m=m,
        sources=" and ".join(source["name"] for source in m["sources"]),
        policy=_policy(style, scripts),
        style=style,
        scripts=scripts,
        headline=findings.headline(statistics),
        warnings=[*_opinion(m), *findings.warnings(statistics)],
        reasons=[reason for reason in REASONS.values() if any(reason in row["reasons"] for row in examples.rows)],
        figures=figures(statistics, m),
        brief=tables.brief(statistics, m),
        logprobs=tables.logprobs(statistics),
        weights=tables.weights(statistics),
        rejected=tables.rejected(statistics),
        cost=tables.cost(statistics, m),
        settings=tables.settings(m),
        manifest=json.dumps(m, indent=2, ensure_ascii=False),
        sample=_sample(examples),
        examples=embedded(examples.rows),
    )


def _opinion(manifest: Mapping[str, Any]) -> Iterator[str]:
    if judge := manifest["verifier"].get("judged_by"):
        yield f"Nothing here is verified: which answers are correct is the opinion of {judge}."


def embedded(data: object) -> str:
    """JSON that can stand in a script element: no character in it begins a tag, a comment or an entity."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _read(name: str) -> str:
    return (_FILES / name).read_text("utf-8")


def _policy(style: str, scripts: list[str]) -> str:
    """A content security policy that names what the page holds and forbids everything else."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {source(style)}; script-src {' '.join(map(source, scripts))}; "
        "base-uri 'none'; form-action 'none'"
    )


def _sample(examples: Examples) -> str:
    if len(examples.rows) == examples.total:
        return f"All {count(examples.total)} rows."
    return (
        f"{count(len(examples.rows))} of {count(examples.total)} rows, drawn at random, with those worth looking at "
        "first. Only these can be searched and filtered; everything above is about all rows."
    )
