"""Several datasets as one: how they are named, what an epoch takes of each, and in which order.

With shares p, an epoch is as many rows as the scarcest dataset has for its share, N = minᵢ |Dᵢ| / pᵢ, and takes pᵢ N
rows (rounded) of each. The others go on in the next epoch where they stopped, in a new order after each pass, so that
every row of a dataset comes equally often. All of it is a function of (seed, epoch).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builder.errors import InputError
from trainers.arguments import Data

_SHARE = re.compile(r"(?P<name>.+):(?P<share>\d*\.?\d+)")


@dataclass(frozen=True)
class Part:
    """One of the datasets that are trained on.

    Attributes:
        name: directory, repository or file.
        data: what of it.
        share: of the rows of an epoch; None where every row of every dataset comes once.
    """

    name: str
    data: Data
    share: float | None


def parts_of(datasets: Sequence[str], data: Sequence[Data]) -> tuple[Part, ...]:
    """What `--dataset A:0.7 B:0.3 --data full text` means.

    Args:
        datasets: names, with a share each or none.
        data: one for each, or one for all.

    Returns:
        With shares that add up to 1.

    Raises:
        InputError: they do not belong together.
    """
    if len(data) not in (1, len(datasets)):
        raise InputError(f"--data {' '.join(data)}: give one for all of the {len(datasets)} datasets, or one for each")
    named = [_SHARE.fullmatch(dataset) for dataset in datasets]
    if any(named) and (not all(named) or len(datasets) == 1):
        raise InputError(f"--dataset {' '.join(datasets)}: shares are for several datasets, and then for all of them")
    names = [match["name"] if match else dataset for dataset, match in zip(datasets, named, strict=True)]
    shares = [float(match["share"]) if match else None for match in named]
    if 0 in shares:
        raise InputError(f"--dataset {' '.join(datasets)}: a share must be above 0")
    total = sum(share or 0 for share in shares)
    kinds = list(data) * (len(datasets) if len(data) == 1 else 1)
    return tuple(
        Part(name, kind, share and share / total) for name, kind, share in zip(names, kinds, shares, strict=True)
    )


@dataclass(frozen=True)
class Mixture:
    """Rows of several datasets, mixed by their shares.

    Attributes:
        origins: `[rows]` the dataset that each comes from.
        shares: of the rows of an epoch, by dataset; they add up to 1.
    """

    origins: np.ndarray
    shares: Sequence[float]

    @property
    def quotas(self) -> list[int]:
        """Rows of each dataset in an epoch.

        Raises:
            InputError: one of them has none.
        """
        sizes, shares = np.bincount(self.origins, minlength=len(self.shares)), np.array(self.shares)
        quotas = np.rint(shares * (sizes / shares).min()).astype(int).tolist()
        if 0 in quotas:
            raise InputError(
                f"a mixture of {', '.join(f'{size:,}' for size in sizes)} rows by shares of "
                f"{', '.join(f'{share:.3g}' for share in shares)} has no row of one dataset in an epoch"
            )
        return quotas

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """`[rows of an epoch]` indices of rows."""
        taken = [self._taken(origin, quota, seed, epoch) for origin, quota in enumerate(self.quotas)]
        return np.random.default_rng([seed, epoch]).permutation(np.concatenate(taken))

    def _taken(self, origin: int, quota: int, seed: int, epoch: int) -> np.ndarray:
        rows = (self.origins == origin).nonzero()[0]
        first, last = epoch * quota, (epoch + 1) * quota - 1
        passes = range(first // len(rows), last // len(rows) + 1)
        orders = [np.random.default_rng([seed, origin, number]).permutation(rows) for number in passes]
        start = first - passes.start * len(rows)
        return np.concatenate(orders)[start : start + quota]

    def drawn(self, count: int, seed: int) -> np.ndarray:
        """`count` rows to hold out, of each dataset its share (the largest remainders take what rounding leaves)."""
        exact = np.array(self.shares) * count
        wanted = np.floor(exact).astype(int)
        wanted[np.argsort(wanted - exact, kind="stable")[: count - wanted.sum()]] += 1
        draw, chosen = np.random.default_rng(seed), []
        for origin, number in enumerate(wanted):
            rows = (self.origins == origin).nonzero()[0]
            if number >= len(rows):
                raise InputError(f"--held-out {count} takes {number} rows of a dataset of {len(rows)}")
            chosen.append(draw.choice(rows, number, replace=False))
        return np.concatenate(chosen)
