"""What became of the problems of each origin."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

MOST = 12
OTHER, UNKNOWN = "other", "unknown"


def origins(rows: "pl.LazyFrame") -> dict[str, dict[str, Any]]:
    """The rows of a release by origin, the largest first; empty if no row has an origin.

    Args:
        rows: config `default`.

    Returns:
        For each of the 12 largest origins, and for all `other` ones together, `rows`, `stages` and `fallback_reasons`
        with their counts, and `self_correct_share`: of the candidates drawn from the plain prompt the share that is
        correct, mean over the rows that any was drawn for; None if there are none.
    """
    import polars as pl

    origin = pl.col("origin").cast(pl.String)
    drawn = pl.when(pl.col("self_sampled") > 0).then(pl.col("self_correct") / pl.col("self_sampled"))
    found = (
        rows.with_columns(origin.alias("origin"), drawn.alias("share"))
        .group_by("origin", "stage", "fallback_reason")
        .agg(pl.len().alias("rows"), pl.col("share").sum().alias("share"), pl.col("share").count().alias("tried"))
        .collect(engine="streaming")
    )
    if not found["origin"].count():
        return {}
    sizes = found.group_by(pl.col("origin").fill_null(UNKNOWN)).agg(pl.col("rows").sum())
    largest = sizes.sort(["rows", "origin"], descending=[True, False])["origin"].to_list()[:MOST]
    named = pl.col("origin").fill_null(UNKNOWN)
    found = found.with_columns(pl.when(named.is_in(largest)).then(named).otherwise(pl.lit(OTHER)).alias("origin"))
    names = [*largest, *([OTHER] if OTHER in found["origin"] and OTHER not in largest else [])]
    return {name: _described(found.filter(pl.col("origin") == name)) for name in names}


def _described(part: "pl.DataFrame") -> dict[str, Any]:
    tried = part["tried"].sum()
    return {
        "rows": part["rows"].sum(),
        "stages": _totals(part, "stage"),
        "fallback_reasons": _totals(part.drop_nulls("fallback_reason"), "fallback_reason"),
        "self_correct_share": part["share"].sum() / tried if tried else None,
    }


def _totals(part: "pl.DataFrame", column: str) -> dict[str, int]:
    import polars as pl

    return dict(
        part.group_by(column).agg(pl.col("rows").sum()).sort("rows", column, descending=[True, False]).iter_rows()
    )
