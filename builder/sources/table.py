"""The one view of a source, whatever its format: how many rows, which columns, and any rows by position."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Record:
    """One raw row.

    Attributes:
        where: what a person needs to find it: file or repository, and 1-based line or row.
        values: by column; a column that the row lacks may be missing.
        fault: why the row could not be read, in which case `values` is empty; else None.
    """

    where: str
    values: Mapping[str, Any]
    fault: str | None = None


class Table(Protocol):
    """Rows that are read when they are wanted, so that a small sample of a large source costs little."""

    columns: list[str]

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """One record for each of the zero-based, ascending `indices`, with at least the given columns.

        Raises:
            InputError: the source as a whole turns out to be unreadable.
        """
        ...


class ListTable:
    """Rows that are in memory already. Those that are not objects are faults."""

    def __init__(self, name: str, items: Sequence[Any]):
        self._name, self._items = name, items
        self.columns = columns_of(items)

    def __len__(self) -> int:
        return len(self._items)

    def read(self, indices: Sequence[int], columns: Sequence[str]) -> Iterator[Record]:
        """See `Table.read`; all columns are there at no cost."""
        for index in indices:
            yield as_record(f"{self._name}, row {index + 1}", self._items[index])


def as_record(where: str, item: Any) -> Record:
    """A parsed item as a record: a fault unless it is an object."""
    if isinstance(item, dict):
        return Record(where, item)
    return Record(where, {}, f"expected an object with fields, got {type(item).__name__}")


def columns_of(items: Sequence[Any]) -> list[str]:
    """Every key that at least one object has, in order of appearance."""
    return list(dict.fromkeys(key for item in items if isinstance(item, dict) for key in item))
