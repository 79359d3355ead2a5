"""How to install what this package can do without."""

import json
from importlib import metadata

DISTRIBUTION = "dprime"  # the name in the package registry; `mind-the-gap` there is somebody else's


def install(extra: str) -> str:
    """The command that adds an extra: to a checkout, or to an installed package."""
    return f"pip install '{DISTRIBUTION}[{extra}]'" if _installed() else f"pip install -e '.[{extra}]'"


def _installed() -> bool:
    try:
        origin = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return False
    return not json.loads(origin or "{}").get("dir_info", {}).get("editable", False)
