"""What runs of one command train on: dataset and model found, rows read, checked and divided."""

from dataclasses import dataclass

import numpy as np
from transformers import AutoConfig

from builder.errors import InputError
from trainers.arguments import OPTIONS, Settings
from trainers.data.rows import Rows
from trainers.losses import Options
from trainers.training.guards import Fitted, check_logprobs, check_tokens, fit, needs_reference
from trainers.training.source import Source, open_source


@dataclass(frozen=True)
class Prepared:
    """What a run trains on, read and checked; the same whatever its seed.

    Attributes:
        settings: of the run.
        source: dataset and model.
        fitted: its rows, none too long.
        max_length: tokens of the longest row that is allowed.
        options: of the loss.
        rows: to train on.
        held_out: to evaluate on, or None.
        base_is_reference: whether π_0 is computed by the model with its adapter off, for want of stored log-probs.
    """

    settings: Settings
    source: Source
    fitted: Fitted
    max_length: int
    options: Options
    rows: Rows
    held_out: Rows | None
    base_is_reference: bool


def prepare(settings: Settings) -> Prepared:
    """Read the dataset, and check what can be checked without the model's weights.

    Raises:
        InputError: the dataset is not there, or not one that the model can be trained on with this loss.
    """
    source = open_source(settings)
    options = Options(**{name: getattr(settings, name) for name in OPTIONS})
    max_length = settings.max_length or source.target.max_length
    fitted = fit(source.rows, max_length, settings.overlong)
    if not settings.lora:
        check_logprobs(settings.loss, options, fitted.rows, " ".join(settings.data))
    check_tokens(fitted.rows, AutoConfig.from_pretrained(source.model.path).get_text_config().vocab_size)
    rows, held_out = split(fitted.rows, settings.held_out, settings.held_out_seed)
    from_base = settings.lora and needs_reference(settings.loss, options) and fitted.rows.without_reference > 0
    return Prepared(settings, source, fitted, max_length, options, rows, held_out, from_base)


def split(rows: Rows, held_out: int, seed: int) -> tuple[Rows, Rows | None]:
    """Rows to train on, and `held_out` rows drawn by seed, by shares where there are; both keep their order.

    Raises:
        InputError: nothing would remain.
    """
    if not held_out:
        return rows, None
    if held_out >= len(rows):
        raise InputError(f"--held-out {held_out} leaves nothing of {len(rows)} rows")
    mixture = rows.mixture
    drawn = mixture.drawn(held_out, seed) if mixture else np.random.default_rng(seed).choice(len(rows), held_out, False)
    chosen = set(drawn.tolist())
    return tuple(rows.take([i for i in range(len(rows)) if (i in chosen) == wanted]) for wanted in (False, True))
