"""What a person sees while samples are drawn: how many, tokens per second, time left."""

import time
from typing import TYPE_CHECKING

from builder.building.progress import time_left
from builder.machine.display import Display

if TYPE_CHECKING:
    from rich.console import Console


class SamplingDisplay(Display):
    """What an evaluation shows.

    Args:
        console: where to show it.
        total: problems to be asked.
    """

    def __init__(self, console: "Console", total: int) -> None:
        super().__init__(console, total, "problems")
        self._known = 0

    def note(self, drawn_tokens: int) -> None:
        """One more problem has all its samples; so far this session has drawn `drawn_tokens`."""
        self._done += 1
        if not drawn_tokens:  # an earlier session drew its samples: that says nothing about the pace
            self._known = self._done
        seconds = time.monotonic() - self._began
        parts = describe(self._done - self._known, self._total - self._known, drawn_tokens, seconds)
        self._show(self._done, parts, always=self._done == self._total)


def describe(done: int, total: int, tokens: int, seconds: float) -> list[str]:
    """Time left, tokens per second and tokens, from what `seconds` of this session have brought."""
    left = "all problems sampled" if done == total else time_left(seconds * (total - done) / done if done else None)
    return [left, f"{tokens / seconds:,.0f} tokens/s", f"{tokens:,} tokens"] if seconds else [left]
