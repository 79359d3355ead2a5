"""What stands beside the weights, so that a checkpoint is a model which anybody can load, ask and evaluate."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from httpx import HTTPError
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from torch import Tensor
from transformers import PreTrainedModel, TrainingArguments

from builder.errors import InputError
from trainers.training.card import write_card
from trainers.training.runlog import RUN

_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "*.jinja")


@dataclass(frozen=True)
class Companions:
    """The files of a run that belong to its model.

    Attributes:
        model: directory of the model that is trained.
        output: directory of the run, with its `run.json`.
    """

    model: Path
    output: Path

    def accompany(self, folder: Path) -> None:
        """Copy the very tokenizer files, so that their hashes stay those of the release, and `run.json` to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in _TOKENIZER:
            for file in self.model.glob(pattern):
                shutil.copy(file, folder / file.name)
        if folder.resolve() != self.output.resolve():
            shutil.copy(self.output / RUN, folder / RUN)

    def write_card(self, name: str) -> None:
        """Write the run's README.md from what is known so far."""
        write_card(self.output, name)


def create_repo(args: TrainingArguments) -> None:
    """Create the repository that `--push-to-hub` writes to, unless it exists.

    Raises:
        InputError: the Hub cannot be reached, or does not allow it.
    """
    name = args.hub_model_id or Path(args.output_dir).absolute().name
    with uploading(f"--push-to-hub: model {name} cannot be written"):
        HfApi().create_repo(name, private=args.hub_private_repo, exist_ok=True)


@contextmanager
def uploading(where: str) -> Iterator[None]:
    """Turn what the Hub's client raises into an InputError that begins with `where`.

    Raises:
        InputError: no access, no such name, or the Hub is not reachable.
    """
    try:
        yield
    except (HfHubHTTPError, HTTPError, OSError, ValueError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def end_turns_with(model: PreTrainedModel, stop_ids: tuple[int, ...]) -> None:
    """Let whoever loads the model, and generates by its defaults, stop where it is taught to end a turn.

    Args:
        model: its configuration and generation configuration are changed.
        stop_ids: the token that training teaches first, then whatever else ends a turn.
    """
    known = model.generation_config.eos_token_id
    known = known if isinstance(known, list) else [known]
    ids = list(dict.fromkeys([*stop_ids, *(id for id in known if id is not None)]))
    for config in (model.config, model.config.get_text_config(), model.generation_config):
        config.eos_token_id = ids


def as_dtype(state: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights in another precision; those that share memory still do."""
    converted: dict[tuple[int, torch.Size], Tensor] = {}
    return {
        name: converted.setdefault((tensor.data_ptr(), tensor.shape), tensor.to(dtype))
        if tensor.is_floating_point()
        else tensor
        for name, tensor in state.items()
    }
