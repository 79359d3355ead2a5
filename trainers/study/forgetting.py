"""What the paper's tables do not show: whether training narrows a model (pass@k) and how far it moves it (drift)."""

from collections.abc import Callable, Mapping
from typing import Any

from trainers.evaluation.drift_settings import SHOWN
from trainers.study.found_runs import Runs, averaged, benchmarks, figure_cells, markdown, method


def pass_at_table(runs: Runs) -> list[str]:
    """pass@k for k above 1 by benchmark, each evaluation's own under each other."""
    columns = benchmarks(results for _, results in runs.evaluations)
    rows = [
        [f"{method(results['model']['training'])}, {path.name}", k, *figure_cells(results, columns, _pass_at(k))]
        for path, results in runs.evaluations
        for k in results["average"].get("pass_at", {})
        if k != "1"
    ]
    heading = "## pass@k in per cent (± standard error clustered by problem)"
    return [heading, "", *markdown(("method", "k", *averaged(columns)), rows)] if rows else []


def drift_table(runs: Runs) -> list[str]:
    """Both divergences from the base, by set of prompts."""
    rows = [
        [
            f"{method(results['model']['training'])}, {path.name}",
            f"{drift['base']['name']} ({drift['base']['revision'][:18]})",
            name,
            *(_nats(figures[direction]) for direction in SHOWN),
        ]
        for path, results in runs.evaluations
        if (drift := results.get("drift"))
        for name, figures in [*drift["prompts"].items(), *_average(drift)]
    ]
    heading = "## Drift from a base, nats a token (± standard error clustered by prompt)"
    return [heading, "", *markdown(("method", "base", "prompts", *SHOWN.values()), rows)] if rows else []


def _average(drift: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("average", drift["average"])] if len(drift["prompts"]) > 1 else []


def _pass_at(k: str) -> Callable[[Mapping[str, Any]], tuple[float | None, float | None]]:
    def figure(figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
        return tuple(figures.get(name, {}).get(k) for name in ("pass_at", "pass_at_stderr"))

    return figure


def _nats(figures: Mapping[str, Any]) -> str:
    error = "" if figures["stderr"] is None else f" ± {figures['stderr']:.4f}"
    return f"{figures['per_token']:.4f}{error}"
