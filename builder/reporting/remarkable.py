"""The rows of a release that are worth looking at first, and why."""

from builder.release.open import Release, with_all_columns

_EACH = 3  # rows a reason

REASONS = {
    "excess_surprisal_per_token": "most foreign text that was kept",
    "completion_tokens": "longest text",
    "copy_rate": "highest copy rate",
    "hint_reliance": "leans most on the expert",
    "expert_false_steps": "false steps in the expert’s text",
}
_OF_STAGE = {"excess_surprisal_per_token": ("self_alignment", "guided_alignment"), "copy_rate": ("guided_alignment",)}


def remarkable(release: Release) -> dict[str, list[str]]:
    """Reasons by row id: the few rows with the largest value of each measure, where it is above 0."""
    import polars as pl

    rows = with_all_columns(release.scan("default"), "default")
    found: dict[str, list[str]] = {}
    for column, reason in REASONS.items():
        stages = _OF_STAGE.get(column)
        among = rows.filter(pl.col("stage").is_in(stages)) if stages else rows
        largest = among.filter(pl.col(column) > 0, pl.col(column).is_finite()).top_k(_EACH, by=[column, "id"])
        for row in largest.select("id").collect(engine="streaming")["id"].sort():
            found.setdefault(row, []).append(reason)
    return found
