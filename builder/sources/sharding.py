"""One shard of a build: a contiguous part of the chosen source rows, for many machines that know nothing of each other.

Every machine draws the same sample and drops the same duplicates; each then builds its own part, and `builder.merge`
puts the parts together again, in order.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator


class Shard(BaseModel):
    """One of several parts, written as `2/8`.

    Attributes:
        number: which part, from 1.
        of: how many parts there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int = Field(ge=1)
    of: int = Field(ge=1)

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d+)/(\d+)", value, re.ASCII)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"{value!r} is not a shard: write I/N, such as 2/8, with I from 1 to N")
        return {"number": int(found[1]), "of": int(found[2])}

    @model_serializer
    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def suffix(self) -> str:
        """What the name of the shard's own release ends with."""
        return f"-shard-{self.number}-of-{self.of}"

    def part(self, total: int) -> range:
        """Positions of this shard among `total` rows; the parts differ by one row at most, and may be empty."""
        return range((self.number - 1) * total // self.of, self.number * total // self.of)
