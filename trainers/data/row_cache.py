"""Rows are made once, by the first process that asks for them; all others, of this run and of later ones, map the file.

It is the cache of `datasets` (HF_DATASETS_CACHE): Arrow files, each under the hash of everything that it was made from,
written whole and under a lock.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import datasets
from datasets import Dataset, Features, List, Value
from datasets.exceptions import DatasetGenerationError

from builder.errors import InputError
from builder.policy.chat import Chat
from trainers.data.rows import Row, Rows

_VERSION = "1"  # of how rows are made: another one for every change of it
_INTEGERS, _FLOATS = List(Value("int32")), List(Value("float32"))
_FEATURES = Features(
    {
        "id": Value("string"),
        "prompt_ids": _INTEGERS,
        "completion_ids": _INTEGERS,
        "behavior": _FLOATS,
        "reference": _FLOATS,
        "mask": List(Value("bool")),
        "weight": Value("float32"),
    }
)


def cached(make: Callable[[], Iterable[Row]], none: str, chat: Chat, *origin: str) -> Rows:
    """Rows, made now or earlier.

    Args:
        make: makes them.
        none: what to say if there are none.
        chat: what turns text into their tokens: another tokenizer, template or end of turn makes other rows.
        origin: everything else that they are made of.

    Raises:
        InputError: as `make` raises it, or there are none.
    """
    template = [*chat.hashes().values(), repr(sorted(chat.target.template_kwargs.items())), chat.target.end_of_turn]
    key = hashlib.sha256("\0".join((_VERSION, *template, *origin)).encode()).hexdigest()
    with _silent():
        try:
            made = Dataset.from_generator(lambda: _fields(make(), none), features=_FEATURES, fingerprint=key)
        except DatasetGenerationError as error:
            if isinstance(error.__cause__, InputError):
                raise error.__cause__ from None
            raise
    return Rows.of_table(made.with_format("arrow")[:])


def _fields(rows: Iterable[Row], none: str) -> Iterator[dict[str, object]]:
    row = None
    for row in rows:
        yield {name: value for name, value in asdict(row).items() if name in _FEATURES} | {"mask": row.learned}
    if row is None:
        raise InputError(none)


@contextmanager
def _silent() -> Iterator[None]:
    hidden = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not hidden:
            datasets.enable_progress_bars()
