"""A causal language model that answers with log-probs instead of logits."""

from dataclasses import replace

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import PreTrainedModel

from builder.errors import InputError
from trainers.model.logprobs import token_logprobs

# Settings that scale or cap logits, unless they are None, or a scale of 1; `parity` finds out the others.
_BENDS_LOGITS = (
    *("logit_scale", "logits_scaling", "lm_head_multiplier"),
    *("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap"),
)


def deliver_logprobs(model: PreTrainedModel) -> None:
    """Let `model(..., predictors=, targets=)` return log-probs and entropies, `[tokens]` each; see `token_logprobs`.

    It happens within the forward passes of the model and of its head, so that whatever shards their weights (FSDP,
    DeepSpeed) has gathered them when they are used. Without `targets` the model is what it was.

    Raises:
        InputError: the model makes its logits in another way than by one matrix product.
    """
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    bent = [name for name in _BENDS_LOGITS if getattr(config, name, None) not in (None, 1.0)]
    if bent or not isinstance(head, nn.Linear) or head.bias is not None:
        raise InputError(
            f"{type(model).__name__} cannot be trained here: its logits are more than hidden states times a matrix "
            f"({', '.join(bent) or 'the head is not a plain linear layer'})"
        )
    model_forward, head_forward = model.forward, head.forward

    def logprobs_of(hidden: Tensor, targets: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        return head_forward(hidden) if targets is None else token_logprobs(hidden, head.weight, targets)

    def with_logprobs(
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        predictors: Tensor | None = None,
        targets: Tensor | None = None,
        **others: object,
    ) -> object:
        if targets is None:
            return model_forward(input_ids=input_ids, position_ids=position_ids, **others)
        # Without a cache: its presence would switch off the separation of packed rows.
        states = model.base_model(input_ids=input_ids, position_ids=position_ids, use_cache=False).last_hidden_state
        return head(states.flatten(0, 1)[predictors], targets)

    model.forward, head.forward = with_logprobs, logprobs_of


def prepare_sharding(accelerator: Accelerator) -> None:
    """Set right what FSDP2 and DeepSpeed get wrong for log-probs and for a step of many micro-batches.

    Both compute in bf16 if told to, but neither round log-probs nor add gradients up in it. FSDP2 reduces gradients
    after every micro-batch: else each rank would hold all of them, in fp32, until the last one of a step.
    """
    fsdp = getattr(accelerator.state, "fsdp_plugin", None)
    if fsdp:
        accelerator.gradient_state.plugin_kwargs["sync_each_batch"] = True
        if fsdp.fsdp_version == 2 and fsdp.mixed_precision_policy:
            fsdp.mixed_precision_policy = replace(
                fsdp.mixed_precision_policy, output_dtype=None, reduce_dtype=torch.float32
            )
    if deepspeed := getattr(accelerator.state, "deepspeed_plugin", None):
        config = deepspeed.deepspeed_config
        config.setdefault("data_types", {}).setdefault("grad_accum_dtype", "fp32")
        config.setdefault("communication_data_type", "fp32")
