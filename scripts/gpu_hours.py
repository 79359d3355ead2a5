"""What a build costs in GPU-hours: python -m scripts.gpu_hours [--tokens 400] [--rate H100=6225 MINE=9000]

    candidates = problems x kept share x (draws by self-alignment + share unsolved x draws by guided-alignment)
    GPU-hours  = candidates x tokens a candidate / (sampled tokens/s of one GPU) / 3600

The kept share (rows that are not overlong) and the share unsolved are those of the paper's Table 1, the draws 10 for
fixed sampling and `scripts.bench.adaptive_savings` for adaptive. Tokens a candidate and tokens/s are assumptions:
measure your own with a small build, whose summary says both.
"""

import sys

from builder.machine import cli
from builder.release.paper import TABLE_1
from scripts.bench.adaptive_savings import CANDIDATES, expected_draws, fitted_b

PAPER_SAMPLE = 50_000  # problems before overlong ones were dropped (paper, section 4)
SIZES = (50_000, 860_000)  # the paper's, and all of NuminaMath-CoT
SHAPE = 0.5  # a of Beta(a, b), see scripts/bench/adaptive_savings.py
TOKENS = 400  # a candidate

# Sampled tokens/s of one GPU, bf16, continuous batching, one copy of the weights. Old figures: today's vLLM is faster.
RATES = {
    # Llama-3-8B, 256 tokens in and out: 24.32 requests/s with vLLM of August 2024 (vllm-project/vllm pull request 7117)
    "H100": 24.32 * 256,
    # Qwen1.5-7B, 1,000 tokens in and out, vLLM, A100 80 GB: Qwen's own figure (quoted in QwenLM/Qwen3 issue 244)
    "A100": 2298.89,
}


def candidates(problems: int, stages: dict[str, int], adaptive: bool) -> float:
    """Candidates that a build of so many source rows draws in both phases together.

    Args:
        problems: source rows, overlong ones included.
        stages: rows of the paper's Table 1 for this model.
        adaptive: whether drawing stops at the first that may be kept.
    """
    total = sum(stages.values())
    unsolved = total - stages["self_alignment"]
    draws = [float(CANDIDATES)] * 2
    if adaptive:
        solved = (stages["self_alignment"] / total, stages["guided_alignment"] / unsolved)
        draws = [expected_draws(SHAPE, fitted_b(SHAPE, share, CANDIDATES), CANDIDATES) for share in solved]
    return problems * total / PAPER_SAMPLE * (draws[0] + unsolved / total * draws[1])


def gpu_hours(drawn: float, tokens: float, rate: float) -> float:
    """Hours of one GPU that samples `rate` tokens/s."""
    return drawn * tokens / rate / 3600


def main(arguments: list[str] | None = None) -> None:
    """Print the table of docs/performance.md."""
    parser = cli.parser("python -m scripts.gpu_hours", __doc__)
    parser.add_argument("--tokens", type=float, default=TOKENS, metavar="N", help="a candidate (default: %(default)s)")
    parser.add_argument(
        "--rate", nargs="+", default=[f"{gpu}={rate:.0f}" for gpu, rate in RATES.items()], metavar="GPU=TOKENS/S",
        help="sampled tokens/s of one GPU, by name (default: %(default)s)",
    )  # fmt: skip
    args = parser.parse_args(arguments)
    try:
        rates = {gpu: float(rate) for gpu, rate in (given.rsplit("=", 1) for given in args.rate)}
    except ValueError:
        parser.error("--rate: expected GPU=TOKENS/S, such as H100=6225")
    names = "".join(f" {gpu} hours |" for gpu in rates)
    print(f"| model | problems | sampling | candidates | tokens sampled |{names}")
    print(f"| --- | ---: | --- | ---: | ---: |{' ---: |' * len(rates)}")
    for repo, stages in TABLE_1.items():
        for problems in SIZES:
            for sampling in ("fixed", "adaptive"):
                drawn = candidates(problems, stages, sampling == "adaptive")
                hours = "".join(f" {gpu_hours(drawn, args.tokens, rate):,.0f} |" for rate in rates.values())
                print(
                    f"| {repo.rpartition('/')[2]} | {problems:,} | {sampling} | {drawn / 1e6:,.2f} M "
                    f"| {drawn * args.tokens / 1e9:,.2f} G |{hours}"
                )


if __name__ == "__main__":
    sys.exit(main())
