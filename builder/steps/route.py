"""Decide where each row's text comes from."""

from builder.method.candidates import load, route
from builder.steps.base import Row, RowStep


class Route(RowStep):
    """Self-alignment, guided-alignment or fallback."""

    def handle(self, rows: list[Row]) -> None:
        """Fill `stage`, `kept` and `fallback_reason`."""
        for row in rows:
            decision = route(
                self._settings.seed,
                row["id"],
                row["verifiable"],
                load(row["self_candidates"]),
                load(row["guided_candidates"]),
            )
            row["stage"] = decision.stage
            row["kept"] = -1 if decision.kept is None else decision.kept
            row["fallback_reason"] = decision.fallback_reason or ""
