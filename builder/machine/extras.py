"""How to install what this package can do without."""

from pathlib import Path

DISTRIBUTION = "dprime"  # the name in the package registry; `mind-the-gap` there is somebody else's
_CHECKOUT = Path(__file__).parents[2] / "pyproject.toml"


def install(extra: str) -> str:
    """The command that adds an extra: to a checkout, or to an installed package."""
    return f"pip install -e '.[{extra}]'" if _CHECKOUT.is_file() else f"pip install '{DISTRIBUTION}[{extra}]'"
