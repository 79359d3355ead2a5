"""Figures of the paper that ours are shown beside: Zhao et al. 2025 (arXiv 2509.15157)."""

TABLE_1 = {
    "Qwen/Qwen2.5-Math-7B": {"self_alignment": 28_752, "guided_alignment": 11_620, "fallback": 7_634},
    "meta-llama/Llama-3.1-8B-Instruct": {"self_alignment": 26_947, "guided_alignment": 16_335, "fallback": 4_719},
}
"""Rows of D′ by stage, by the model's Hub repository."""
