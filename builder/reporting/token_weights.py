"""Importance weights of the tokens of D′, streamed from the `tokens` config of a release."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.errors import InputError
from builder.release.open import Release
from builder.release.records import STAGES
from builder.reporting.policy_gap import StreamedWeights, Weights, describe

if TYPE_CHECKING:
    import numpy as np
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

    unit = {name: StreamedWeights() for name in STAGES}
    stored = {name: StreamedWeights() for name in STAGES}
    ratios: dict[str, list[np.ndarray]] = {stage: [] for stage in STAGES}
    for batch in _batches(release):
        of_token = np.repeat(batch.stages, batch.lengths)
        known_token = np.repeat(batch.known, batch.lengths)
        log_ratios = batch.policy[known_token] - batch.behavior
        of_row, row_ratios = batch.stages[batch.known], _sums(log_ratios, batch.lengths[batch.known])
        for code, stage in enumerate(STAGES):
            unit[stage].add(batch.policy[of_token == code])
            stored[stage].add(log_ratios[of_token[known_token] == code])
            ratios[stage].append(row_ratios[of_row == code])
        advance(len(batch.stages))
    log_ratios = {stage: np.concatenate(parts) for stage, parts in ratios.items()}
    rows = {"all": np.concatenate(list(log_ratios.values())), **log_ratios}
    return TokenWeights(
        unit=_known(_described(unit)),
        stored=_known(_described(stored)),
        stored_rows=_known({name: describe(values) for name, values in rows.items()}),
        log_ratios=log_ratios,
    )


def _described(by_stage: dict[str, StreamedWeights]) -> dict[str, Weights]:
    together = StreamedWeights()
    for weights in by_stage.values():
        together.merge(weights)
    return {name: weights.describe() for name, weights in {"all": together, **by_stage}.items()}


def _known(weights: dict[str, Weights]) -> dict[str, Weights]:
    return {name: found for name, found in weights.items() if found.count}


@dataclass(frozen=True)
class _Batch:
    """Some rows of `tokens`; what belongs to tokens lies end to end.

    Attributes:
        stages: place in STAGES of each row [rows].
        lengths: completion tokens of each row [rows].
        known: whether behavior log-probs of a row are known [rows].
        policy: policy log-probs [tokens].
        behavior: behavior log-probs [tokens of known rows].
    """

    stages: "np.ndarray"
    lengths: "np.ndarray"
    known: "np.ndarray"
    policy: "np.ndarray"
    behavior: "np.ndarray"


def _batches(release: Release) -> Iterator[_Batch]:
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    stages = _Stages(release)
    columns = ["id", "policy_logprobs", "behavior_logprobs"]
    for file in release.files("tokens"):
        # Buffered ahead, a file stays in memory as a whole until its last batch is read.
        for rows in pq.ParquetFile(file, pre_buffer=False).iter_batches(_BATCH, columns=columns):
            policy, behavior = rows["policy_logprobs"], rows["behavior_logprobs"]
            differ = pc.fill_null(pc.not_equal(policy.value_lengths(), behavior.value_lengths()), False)
            if pc.any(differ).as_py():
                row = rows["id"].filter(differ)[0]
                raise InputError(f"release {release.name}: policy and behavior log-probs of row {row} differ in length")
            yield _Batch(
                stages=stages.of(rows["id"]),
                lengths=policy.value_lengths().to_numpy(),
                known=behavior.is_valid().to_numpy(zero_copy_only=False),
                policy=policy.flatten().to_numpy().astype(np.float64),
                behavior=behavior.flatten().to_numpy().astype(np.float64),
            )


class _Stages:
    """Place in STAGES of each row of `default`, found by the 64-bit hash of its id: 9 bytes a row, in any order."""

    def __init__(self, release: Release) -> None:
        import polars as pl

        stage = pl.col("stage").cast(pl.Enum(STAGES)).to_physical()
        rows = release.scan("default").select(pl.col("id").cast(pl.String).hash(), stage).collect(engine="streaming")
        rows = rows.sort("id")
        self._release, self._hashes, self._stages = release, rows["id"].to_numpy(), rows["stage"].to_numpy()

    def of(self, ids: "pa.Array") -> "np.ndarray":
        """Places in STAGES of some rows of `tokens`."""
        import numpy as np
        import polars as pl

        hashes = pl.Series(ids, dtype=pl.String).hash().to_numpy()
        places = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        if (missing := self._hashes[places] != hashes).any():
            row = ids[int(missing.argmax())]
            raise InputError(f"release {self._release.name}: row {row} of `tokens` is not in `default`")
        return self._stages[places]


def _sums(values: "np.ndarray", lengths: "np.ndarray") -> "np.ndarray":
    """Sum of each run of `lengths[i]` values."""
    import numpy as np

    totals = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.cumsum(lengths)
    return totals[ends] - totals[ends - lengths]
