"""Importance weights of the tokens of D′, streamed from the `tokens` config of a release."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.errors import InputError
from builder.records import STAGES
from builder.releases import Release
from builder.reporting.policy_gap import StreamedWeights, Weights, describe

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa

_BATCH = 4_096  # rows


@dataclass(frozen=True)
class TokenWeights:
    """Weights by stage and for `all`; the definitions stand in `builder.reporting.policy_gap`.

    Attributes:
        unit: of tokens, with the unit denominator.
        stored: of tokens, with the stored denominator; only rows whose behavior log-probs are known.
        stored_rows: of sequences, products over tokens, with the stored denominator; only those rows.
        log_ratios: the log-weights behind `stored_rows` [rows], nats, by stage.
    """

    unit: dict[str, Weights]
    stored: dict[str, Weights]
    stored_rows: dict[str, Weights]
    log_ratios: "dict[str, np.ndarray]"


def token_weights(release: Release, advance: Callable[[int], None]) -> TokenWeights:
    """Read the tokens of a release through once.

    Args:
        release: to read.
        advance: is told how many rows were read since it was last told.

    Raises:
        InputError: a row of `tokens` is not in `default`, or its log-probs do not align.
    """
    import numpy as np

    unit = {name: StreamedWeights() for name in ("all", *STAGES)}
    stored = {name: StreamedWeights() for name in ("all", *STAGES)}
    ratios: dict[str, list[np.ndarray]] = {stage: [] for stage in STAGES}
    for stage, policy, behavior in _parts(release):
        advance(len(policy))
        log_policy = policy.flatten().to_numpy()
        for name in ("all", stage):
            unit[name].add(log_policy)
        if behavior is None:
            continue
        log_ratio = log_policy.astype(np.float64) - behavior.flatten().to_numpy()
        for name in ("all", stage):
            stored[name].add(log_ratio)
        ratios[stage].append(_sums(log_ratio, policy.value_lengths().to_numpy()))
    log_ratios = {stage: np.concatenate(parts) if parts else np.array([]) for stage, parts in ratios.items()}
    rows = {"all": np.concatenate(list(log_ratios.values())), **log_ratios}
    return TokenWeights(
        unit=_known({name: weights.describe() for name, weights in unit.items()}),
        stored=_known({name: weights.describe() for name, weights in stored.items()}),
        stored_rows=_known({name: describe(values) for name, values in rows.items()}),
        log_ratios=log_ratios,
    )


def _known(weights: dict[str, Weights]) -> dict[str, Weights]:
    return {name: found for name, found in weights.items() if found.count}


def _parts(release: Release) -> "Iterator[tuple[str, pa.ListArray, pa.ListArray | None]]":
    """Stage, policy log-probs and behavior log-probs (None: unknown) of rows that have these in common."""
    import polars as pl
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    stages = release.scan("default").select("id", pl.col("stage").cast(pl.Categorical)).collect()
    for file in release.files("tokens"):
        for batch in pq.ParquetFile(file).iter_batches(_BATCH, columns=["id", "policy_logprobs", "behavior_logprobs"]):
            stage = _stages(release, batch, stages)
            known = batch["behavior_logprobs"].is_valid()
            for name in STAGES:
                of_stage = pc.equal(stage, name)
                for is_known in (True, False):
                    part = batch.filter(pc.and_(of_stage, known if is_known else pc.invert(known)))
                    if len(part):
                        yield name, part["policy_logprobs"], _aligned(release, part) if is_known else None


def _stages(release: Release, batch: "pa.RecordBatch", stages: "pl.DataFrame") -> "pa.Array":
    import polars as pl

    joined = pl.DataFrame({"id": pl.from_arrow(batch["id"])}).join(stages, on="id", how="left", maintain_order="left")
    if (missing := joined.filter(pl.col("stage").is_null())).height:
        raise InputError(f"release {release.name}: row {missing['id'][0]} of `tokens` is not in `default`")
    return joined["stage"].cast(pl.String).to_arrow()


def _aligned(release: Release, part: "pa.RecordBatch") -> "pa.ListArray":
    import pyarrow.compute as pc

    policy, behavior = part["policy_logprobs"], part["behavior_logprobs"]
    differ = pc.not_equal(policy.value_lengths(), behavior.value_lengths())
    if pc.any(differ).as_py():
        row = part["id"].filter(differ)[0]
        raise InputError(f"release {release.name}: policy and behavior log-probs of row {row} differ in length")
    return behavior


def _sums(values: "np.ndarray", lengths: "np.ndarray") -> "np.ndarray":
    """Sum of each run of `lengths[i]` values."""
    import numpy as np

    totals = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.cumsum(lengths)
    return totals[ends] - totals[ends - lengths]
