"""How tests are shared out to the workers of pytest-xdist, `pytest -n 2`."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# They share servers of the real engines, each of which takes half a minute to start.
_REAL_ENGINES = ("/test_attached.py::", "/test_transformers_server.py::", "/test_vllm.py::", "[vllm]")


class Together(LoadFileScheduling):
    """The tests of a file stay on one worker, and so do all of the real engines'; what comes first is begun first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False  # else the files with the most tests come first, not the slow ones
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return "real engines" if any(part in nodeid for part in _REAL_ENGINES) else super()._split_scope(nodeid)
