"""Sending the files of a commit, one after the other, so that a person sees how far it is."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from builder.machine.display import duration
from builder.publishing.hub import HubRepo
from builder.publishing.plan import Commit

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_MEGABYTE = 1e6


def upload(hub: HubRepo, step: Commit, say: Callable[[str], None]) -> "list[CommitOperationAdd]":
    """Send what the Hub does not have yet; returns what `HubRepo.commit` needs."""
    began, sent, additions = time.monotonic(), 0, []
    for number, file in enumerate(step.upload, 1):
        additions.append(hub.upload(file))
        sent += file.size
        done = progress(sent, step.bytes, time.monotonic() - began)
        say(f"uploaded {number} of {len(step.upload)} files ({file.path}): {done}")
    return additions


def progress(sent: int, total: int, seconds: float) -> str:
    """`12.0 of 48.0 MB, 6.0 MB/s, 6 s left`"""
    rate = sent / seconds if seconds > 0 else 0.0
    left = f", {duration((total - sent) / rate)} left" if rate and sent < total else ""
    return f"{sent / _MEGABYTE:,.1f} of {total / _MEGABYTE:,.1f} MB, {rate / _MEGABYTE:,.1f} MB/s{left}"
