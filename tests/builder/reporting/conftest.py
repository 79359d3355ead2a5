import pytest

from builder.release.open import Release
from tests.builder.reporting.handmade import ROWS, write


@pytest.fixture
def release(tmp_path) -> Release:
    """Four rows, all stages, two sources; one source row was left out."""
    return write(tmp_path / "release", ROWS, [{"id": "e", "source": "made-up", "reason": "overlong"}])
