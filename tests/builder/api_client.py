"""What a program may write, and what mypy tells it: it complains of an `ignore` that nothing needs."""

from pathlib import Path

from builder.api import Release, build, open_release, reselect, verifier


def right(rows: list[dict[str, str]]) -> Release:
    """Everything has its type."""
    release = build(rows=rows, target="smollm2-135m-instruct", output=Path("r"), candidates=4, engine="transformers")
    with verifier("exact") as judge:
        judge.verdicts([("Paris", "Answer: Paris")])
    return reselect(release, policy="diverse", output="s", keep=2, pass_rate=(0.1, 0.9))


def wrong(rows: list[dict[str, str]]) -> None:
    """Every line is an error."""
    build(rows=rows, output="r")  # type: ignore[call-arg]
    build(rows=rows, target="t", output="r", candidates="4")  # type: ignore[arg-type]
    build(rows=rows, target="t", output="r", temprature=1.0)  # type: ignore[call-arg]
    build(rows=rows, target="t", output="r", engine="vlm")  # type: ignore[arg-type]
    build(rows=[1, 2], target="t", output="r")  # type: ignore[list-item]
    open_release("r").paht  # type: ignore[attr-defined]  # noqa: B018
