"""What an evaluation adds to the card of a trained model."""

from collections.abc import Sequence
from typing import Any

_HEAD = ("benchmark", "problems", "accuracy, %", "truncated")
_NONE = """\
Not evaluated yet: `python -m trainers.evaluate --model DIR --output EVALUATION --card` samples, grades, and writes the
figures here."""


def evaluation(results: dict[str, Any] | None) -> str:
    """The section about it, as Markdown.

    Args:
        results: as `results.json` has them; None if there was no evaluation.
    """
    if not results:
        return _NONE
    sampling, found = results["settings"]["sampling"], results["benchmarks"]
    rows = [_row(name, figures, figures["problems"]) for name, figures in found.items()]
    if len(found) > 1:
        rows.append(_row("average", results["average"], sum(figures["problems"] for figures in found.values())))
    return f"""{table(_HEAD, rows)}

Samples a problem: {sampling["candidates"]}, at temperature {sampling["temperature"]:g}, top_p {sampling["top_p"]:g}, at
most {sampling["max_tokens"]:,} tokens; ± is the standard error, clustered by problem. Graded by {results["verifier"]}
(`python -m trainers.evaluate`, Mind the Gap {results["tool"]["version"]})."""


def eval_results(name: str, results: dict[str, Any]) -> dict[str, Any]:
    """The same for the front matter, in the Hub's form: arguments of `ModelCardData`.

    Args:
        name: of the model.
        results: as `results.json` has them.
    """
    from huggingface_hub import EvalResult

    found = [
        EvalResult(
            task_type="text-generation",
            dataset_type=figures["provenance"].get("repo") or figures["provenance"]["file"],
            dataset_name=benchmark,
            metric_type="accuracy",
            metric_value=round(100 * figures["accuracy"], 2),
        )
        for benchmark, figures in results["benchmarks"].items()
    ]
    return {"model_name": name, "eval_results": found}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    rule = ["---"] * len(columns)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *rows))


def _row(name: str, figures: dict[str, Any], problems: int) -> tuple[str, ...]:
    accuracy = f"{100 * figures['accuracy']:.1f} ± {100 * figures['stderr']:.1f}"
    return name, f"{problems:,}", accuracy, f"{figures['truncated']:.1%}"
