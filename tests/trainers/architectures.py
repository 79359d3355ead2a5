"""Tiny random models of many architectures, built on the fly: what becomes of each when it is to be trained."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCABULARY = 97  # that of `test_trainer.random_rows`

_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_FEW_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_LATENT = {
    **{"q_lora_rank": 16, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8},
    **{"num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    **{"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "head_dim": None},
}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}

# Packed or padded, log-probs are the model's own.
PACKED: dict[str, dict] = {
    **{
        name: {}
        for name in (
            *("apertus", "arcee", "bitnet", "cwm", "diffllama", "doge", "ernie4_5", "exaone4", "flex_olmo", "gemma"),
            *("gemma3_text", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neox", "granite", "granitemoe", "helium"),
            *("hunyuan_v1_dense", "hunyuan_v1_moe", "jetmoe", "lfm2", "llama", "ministral", "ministral3", "mistral"),
            *("mixtral", "nemotron", "olmo", "olmo2", "olmo3", "olmoe", "persimmon", "phi3", "phimoe", "qwen2"),
            *("qwen3", "seed_oss", "smollm3", "stablelm", "starcoder2"),
        )
    },
    "deepseek_v3": _LATENT,
    "qwen2_moe": _FEW_EXPERTS | {"shared_expert_intermediate_size": 16},
    "qwen3_moe": _FEW_EXPERTS,
    "glm4_moe": {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
}
# A row sees the rows before it in its pack, by a recurrent state or by positions that take no notice.
BUCKETED: dict[str, dict] = {
    **{name: {} for name in ("bloom", "falcon_mamba", "jamba", "mamba", "minimax", "mpt", "opt", "rwkv", "xglm")},
    "bamba": _MAMBA | {"attn_layer_indices": [1]},
    "falcon": {"head_dim": None},
    "falcon_h1": _MAMBA | {"mamba_d_ssm": 64},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "granitemoehybrid": _MAMBA | {"layer_types": ["mamba", "attention"], "shared_intermediate_size": 16},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1, "state_size": 8, "chunk_size": 8},
    "nemotron_h": {"layers_block_type": ["mamba", "attention"], "mamba_num_heads": 8, "mamba_head_dim": 8},
    "qwen3_next": _FEW_EXPERTS
    | {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
    | {"shared_expert_intermediate_size": 16, "layer_types": ["linear_attention", "full_attention"]},
}
# Logits are more than hidden states times a matrix.
BENT: dict[str, dict] = {
    "cohere": {"logit_scale": 0.0625},
    "cohere2": {"logit_scale": 0.25},
    "falcon_h1": BUCKETED["falcon_h1"] | {"lm_head_multiplier": 0.25},
    "gemma2": {"final_logit_softcapping": 30.0},
    "granite": {"logits_scaling": 8.0},
    "recurrent_gemma": {"logits_soft_cap": 30.0},
    "vaultgemma": {"final_logit_softcapping": 30.0},
    "xlstm": {"output_logit_soft_cap": 30.0},
}
# A head with a bias, which no setting tells.
BIASED: dict[str, dict] = {name: {} for name in ("codegen", "gptj", "phi")}


def tiny(name: str, settings: dict) -> PreTrainedModel:
    """A random model whose logits reach as far as a trained one's."""
    torch.manual_seed(0)
    sizes = {key: value for key, value in (_SIZES | settings).items() if value is not None}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **sizes), dtype=torch.float32).eval()
    head = model.get_output_embeddings().weight
    with torch.no_grad():
        head.mul_(4 / head.std())
    return model
