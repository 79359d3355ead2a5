"""What the share of correct candidates means: a pass rate, unless sampling stopped at a success."""

from collections.abc import Mapping
from typing import Any

ADAPTIVE_SHARE = "adaptive sampling stops at the first that may be kept: shares of correct ones are no pass rates"


def is_adaptive(manifest: Mapping[str, Any]) -> bool:
    """Whether drawing stopped at the first candidate that may be kept; earlier versions always drew all."""
    return manifest.get("sampling", {}).get("scheme") == "adaptive"
