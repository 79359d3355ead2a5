"""A causal language model in this process: draws and scores one batch at a time, without any threads or queues."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from builder.engines.grouped_attention import group_query_heads
from builder.engines.protocol import Completion, SamplingParams, Scores
from builder.engines.sampling import draw
from builder.errors import EngineError

_LOGITS_BYTES = 1 << 30  # of one scoring batch, were they in fp32
_CHUNK = 256  # positions whose logits are in fp32 at a time
_SCORE_TOKENS = 1 << 14  # of one scoring batch, padding included: bounds the activations


@dataclass(eq=False)
class Draft:
    """One completion in the making; a row that was interrupted continues where it stopped.

    Attributes:
        prompt_ids: `[prompt]`.
        params: how to draw.
        uniforms: the row's own source of numbers in [0, 1), one a token.
        token_ids: `[time]`, drawn so far.
        logprobs: `[time]`, nats, aligned with `token_ids`.
    """

    prompt_ids: list[int]
    params: SamplingParams
    uniforms: random.Random
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @classmethod
    def seeded(cls, prompt_ids: list[int], params: SamplingParams, seed: int, index: int) -> "Draft":
        """The row of sample `index` of a request."""
        return cls(prompt_ids, params, random.Random(f"{seed}:{index}"))

    @property
    def finish_reason(self) -> Literal["stop", "length"] | None:
        """Why the row is finished; None while it is not."""
        if self.token_ids and self.token_ids[-1] in self.params.stop_token_ids:
            return "stop"
        return "length" if len(self.token_ids) >= self.params.max_tokens else None

    def completion(self) -> Completion:
        """The finished row."""
        return Completion(self.token_ids, self.logprobs, self.finish_reason)


class LocalModel:
    """The weights, and what a batch needs.

    Args:
        model_dir: directory with configuration and safetensors weights; no code of the model's own is run.
        dtype: of the weights: "bfloat16", "float16" or "float32".
        device: "cuda", "cpu", ...; the default takes a GPU if there is one.

    Raises:
        EngineError: the model cannot be loaded.
    """

    def __init__(self, model_dir: Path, dtype: str, device: str | None = None) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        try:
            self._model = AutoModelForCausalLM.from_pretrained(
                model_dir, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise EngineError(f"cannot load a model from {model_dir}: {' '.join(str(error).split())}") from None
        self._model.to(self.device, compute_dtype(dtype, self.device)).eval()
        group_query_heads(self._model)
        self._model.generation_config = GenerationConfig()  # the model's own would bend the distribution
        self.vocab_size: int = self._model.config.vocab_size
        self.score_tokens = min(_SCORE_TOKENS, _LOGITS_BYTES // (4 * self.vocab_size))

    @torch.inference_mode()
    def generate(self, rows: Sequence[Draft]) -> None:
        """Draw until every row is finished.

        `generate` of Transformers computes finished rows to the very end, so it is stopped whenever half of the rows
        are finished, and continued with the others and their part of the key-value cache: nothing is computed twice,
        and less than half of what is computed is wasted.
        """
        rows = [row for row in rows if not row.finish_reason]
        if not rows:
            return
        longest = max(len(row.prompt_ids) + len(row.token_ids) for row in rows)
        padding = [longest - len(row.prompt_ids) - len(row.token_ids) for row in rows]
        ids = [[0] * pad + row.prompt_ids + row.token_ids for pad, row in zip(padding, rows, strict=True)]
        mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in padding], device=self.device)
        cache = self._prefill(ids, mask)
        ids = torch.tensor(ids, dtype=torch.long, device=self.device)
        while rows:
            remaining = max(row.params.max_tokens - len(row.token_ids) for row in rows)
            ids = self._model.generate(
                ids,
                attention_mask=mask,
                past_key_values=cache,
                generation_config=GenerationConfig(do_sample=False, max_new_tokens=remaining, pad_token_id=0),
                logits_processor=LogitsProcessorList([_Draw(rows)]),
                stopping_criteria=StoppingCriteriaList([_HalfFinished(rows)]),
            )
            mask = torch.nn.functional.pad(mask, (0, ids.shape[1] - mask.shape[1]), value=1)
            live = [i for i, row in enumerate(rows) if not row.finish_reason]
            rows = [rows[i] for i in live]
            if rows:
                index = torch.tensor(live, device=self.device)
                ids, mask = ids[index], mask[index]
                cache.batch_select_indices(index)

    def _prefill(self, ids: list[list[int]], mask: torch.Tensor) -> DynamicCache:
        """Keys and values of all tokens but the last, computed once for the rows that share them."""
        cache = DynamicCache(config=self._model.config)
        if len(ids[0]) == 1:
            return cache
        prefixes = [tuple(row[:-1]) for row in ids]
        first = {prefix: row for row, prefix in reversed(list(enumerate(prefixes)))}
        distinct = list(first.values())
        known = mask[distinct, :-1]
        self._model(
            torch.tensor([ids[row][:-1] for row in distinct], device=self.device),
            attention_mask=known,
            position_ids=(known.cumsum(dim=-1) - 1).clamp(min=0),
            past_key_values=cache,
            logits_to_keep=1,
        )
        place = {row: n for n, row in enumerate(distinct)}
        cache.batch_select_indices(torch.tensor([place[first[prefix]] for prefix in prefixes], device=self.device))
        return cache

    @torch.inference_mode()
    def score(self, texts: Sequence[tuple[list[int], list[int]]]) -> list[Scores]:
        """Log-probs and entropies (fp32 softmax) of each completion after its prompt; `texts` has both as token ids."""
        longest = max(len(prompt) + len(completion) for prompt, completion in texts)
        padding = [longest - len(prompt) - len(completion) for prompt, completion in texts]
        ids = [[*prompt, *completion] + [0] * pad for (prompt, completion), pad in zip(texts, padding, strict=True)]
        mask = [[1] * (longest - pad) + [0] * pad for pad in padding]
        first = min(len(prompt) for prompt, _ in texts) - 1  # the first position that predicts a completion token
        logits = self._model(
            input_ids=torch.tensor(ids, device=self.device),
            attention_mask=torch.tensor(mask, device=self.device),
            logits_to_keep=longest - first,
            use_cache=False,
        ).logits
        return [
            self._gather(row[len(prompt) - 1 - first :], completion)
            for row, (prompt, completion) in zip(logits, texts, strict=True)
        ]

    def _gather(self, logits: torch.Tensor, completion: list[int]) -> Scores:
        tokens = torch.tensor(completion, device=self.device)
        logprobs, entropies = [], []
        for part, wanted in zip(logits[: len(tokens)].split(_CHUNK), tokens.split(_CHUNK), strict=True):
            distribution = torch.log_softmax(part.float(), dim=-1)
            logprobs += distribution.gather(1, wanted[:, None])[:, 0].tolist()
            entropies += torch.special.entr(distribution.exp()).sum(dim=-1).tolist()
        return Scores(logprobs, entropies)


def compute_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """What to compute with: `dtype`, but fp32 on a CPU that only emulates it.

    The weights keep the values that `dtype` gave them. Emulation is slower by an order of magnitude, and rounds more.
    """
    checks = {"bfloat16": "_is_mkldnn_bf16_supported", "float16": "_is_mkldnn_fp16_supported"}
    if device.type != "cpu" or dtype not in checks:
        return getattr(torch, dtype)
    # A PyTorch without oneDNN (Apple's) does not have these operators at all.
    native = torch.backends.mkldnn.is_available() and getattr(torch.ops.mkldnn, checks[dtype])()
    return getattr(torch, dtype) if native else torch.float32


class _Draw(LogitsProcessor):
    """Draws every row's next token, notes it in the row, and leaves greedy search no other choice."""

    def __init__(self, rows: Sequence[Draft]) -> None:
        self._rows = rows

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows = self._rows
        tokens, logprobs = draw(
            scores,
            scores.new_tensor([row.params.temperature for row in rows]),
            scores.new_tensor([row.params.top_p for row in rows]),
            scores.new_tensor(
                [0.0 if row.finish_reason else row.uniforms.random() for row in rows], dtype=torch.float64
            ),
        )
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            if not row.finish_reason:
                row.token_ids.append(token)
                row.logprobs.append(logprob)
        return torch.full_like(scores, float("-inf")).scatter_(1, tokens[:, None], 0.0)


class _HalfFinished(StoppingCriteria):
    """Stops the whole batch as soon as half of its rows are finished."""

    def __init__(self, rows: Sequence[Draft]) -> None:
        self._rows = rows

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        finished = sum(1 for row in self._rows if row.finish_reason)
        done = 2 * finished >= len(self._rows)
        return torch.full((len(self._rows),), done, dtype=torch.bool, device=input_ids.device)
