"""What a person sees while samples are drawn: how many, tokens per second, time left."""

import time
from typing import TYPE_CHECKING

from builder.machine.display import Display, left_at_pace

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
        asked, seconds = self._total - self._known, time.monotonic() - self._began
        share = (self._done - self._known) / asked if asked else 1.0
        parts = [left_at_pace(share, seconds, "all problems sampled")]
        if seconds:
            parts += [f"{drawn_tokens / seconds:,.0f} tokens/s", f"{drawn_tokens:,} tokens"]
        self._show(self._done, parts, always=self._done == self._total)
