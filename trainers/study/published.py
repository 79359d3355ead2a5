"""What the paper prints in Tables 2 to 4 (Zhao et al. 2025, arXiv 2509.15157), and how its authors' practice differs.

Table 1 stands in `builder.release.paper`.
"""

BENCHMARKS = ("math500", "minerva_math", "olympiadbench", "aime24", "amc23")
QWEN, LLAMA = "Qwen/Qwen2.5-Math-7B", "meta-llama/Llama-3.1-8B-Instruct"

ACCURACY = {
    QWEN: {
        "base": (39.90, 14.43, 17.16, 7.50, 29.38, 21.67),
        "SFT": (52.61, 19.13, 17.32, 2.06, 25.00, 23.23),
        "DFT": (68.70, 31.92, 32.31, 6.68, 43.44, 36.61),
        "DR + SFT": (59.85, 21.14, 23.54, 8.54, 38.59, 30.33),
        "DR + DFT": (70.40, 34.85, 36.12, 14.58, 54.22, 42.03),
    },
    LLAMA: {
        "base": (36.18, 16.01, 9.52, 0.83, 14.53, 15.41),
        "SFT": (28.71, 11.23, 6.26, 0.41, 10.31, 11.39),
        "DFT": (46.50, 24.11, 15.65, 3.95, 22.50, 22.54),
        "DR + SFT": (44.38, 19.21, 13.07, 1.87, 17.19, 19.14),
        "DR + DFT": (47.91, 24.72, 16.52, 4.99, 26.09, 24.05),
    },
}
"""Table 2: accuracy in per cent, in the order of `BENCHMARKS`, and their average; DR is data rewriting: D′ for D."""

LOGPROBS = {
    QWEN: {
        "self_alignment": (-184.44, -83.36),
        "guided_alignment": (-280.64, -259.44),
        "fallback": (-296.03, None),
    },
    LLAMA: {
        "self_alignment": (-193.01, -127.67),
        "guided_alignment": (-341.57, -303.44),
        "fallback": (-388.17, None),
    },
}
"""Table 3: average log-prob of the expert's text and of the rewritten one; by their size, sums over a sequence."""

ABLATION = {
    QWEN: {
        ("dft", "expert"): (68.70, 31.92, 32.31, 6.68, 43.44, 36.61),
        ("dft", "self_and_expert"): (67.86, 32.35, 32.79, 10.19, 50.94, 38.83),
        ("dft", "full"): (70.40, 34.85, 36.12, 14.58, 54.22, 42.03),
    },
}
"""Table 4, by loss and data. "DFT + Self-Alignment" replaces the original text where the policy has a right one."""

PRACTICE = (
    "The authors train on the bare problem; ours is followed by the instruction to reason step by step and to box the "
    "answer, as in evaluation.",
    "They train bf16 weights; ours are fp32, computed in bf16, unless `--config paper-as-run` says otherwise.",
    "Their loss is averaged within each micro-batch first; ours is one mean over the tokens of a step, unless "
    "`--config paper-as-run` says otherwise.",
    'They evaluate Qwen under "You are a helpful assistant."; ours is evaluated under the system turn of its training.',
    "Section 4 gives AdamW, the learning rates, one epoch, a batch of 256, cosine decay and 10 % warm-up. Betas, "
    "weight decay, clipping and the limit of 2,048 tokens are defaults of verl or of DFT's code.",
    "Section 4 gives 16 samples at temperature 1; top_p = 1 and 4,096 tokens are not in it.",
)
"""What differs beside what is measured; from the paper's section 4 and from its authors' code."""
