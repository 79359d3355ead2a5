"""How many candidates adaptive sampling draws, against always drawing all: python -m scripts.bench.adaptive_savings

For the paper's two models. Its Table 1 gives the share of problems with at least one correct answer among 10, by
self-alignment and then by guided-alignment; how pass rates are spread over problems it does not give. Assumed here is
Beta(a, b), the usual model of over-dispersed pass rates, for several a; b is then the one that reproduces the table.
Exact, no simulation: E[(1 - p)^k] of Beta(a, b) is B(a, b + k) / B(a, b).
"""

import math

from builder.journal.draw import waves
from builder.release.paper import TABLE_1

CANDIDATES = 10
SHAPES = (0.2, 0.5, 1.0, 2.0)  # a: the smaller, the more problems are hopeless or trivial


def all_fail(a: float, b: float, k: int) -> float:
    """Probability that `k` candidates of a random problem all fail, for pass rates from Beta(a, b)."""
    return math.exp(math.lgamma(b + k) - math.lgamma(b) - math.lgamma(a + b + k) + math.lgamma(a + b))


def fitted_b(a: float, solved: float, candidates: int) -> float:
    """The b for which a share `solved` of the problems has a success among `candidates`."""
    low, high = 1e-9, 1e9
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if 1 - all_fail(a, middle, candidates) > solved else (low, middle)
    return low


def expected_draws(a: float, b: float, candidates: int) -> float:
    """Candidates that adaptive sampling draws for a problem, on average: a wave is drawn if all before it failed."""
    drawn, expected = 0, 0.0
    for size in waves(candidates):
        expected += size * all_fail(a, b, drawn)
        drawn += size
    return expected


def main() -> None:
    """Print the table of docs/performance.md."""
    print("| model | a | mean pass rate, self / guided | draws a problem, self / guided | of fixed sampling |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for repo, rows in TABLE_1.items():
        model = repo.rpartition("/")[2]
        solved, retold = rows["self_alignment"], rows["guided_alignment"]
        total = sum(rows.values())
        unsolved = total - solved
        for a in SHAPES:
            phases = [(a, fitted_b(a, share, CANDIDATES)) for share in (solved / total, retold / unsolved)]
            rates = [a / (a + b) for a, b in phases]
            draws = [expected_draws(a, b, CANDIDATES) for a, b in phases]
            share = (draws[0] * total + draws[1] * unsolved) / (CANDIDATES * (total + unsolved))
            print(
                f"| {model} | {a} | {rates[0]:.2f} / {rates[1]:.2f} | {draws[0]:.1f} / {draws[1]:.1f} | {share:.0%} |"
            )


if __name__ == "__main__":
    main()
