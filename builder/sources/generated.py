"""Sources that are made rather than read: offline, and the same for the same seed."""

from importlib import metadata
from typing import Any

from builder import __version__
from builder.config import SourceSpec
from builder.errors import InputError
from builder.machine.extras import install
from builder.sources.arithmetic import arithmetic
from builder.sources.table import ListTable

BUILT_IN = ("gsm-symbolic", "arithmetic")
_GSM_SYMBOLIC_ROWS = 1_000


def open_generated(spec: SourceSpec, seed: int) -> tuple[ListTable, dict[str, Any]]:
    """One of the `BUILT_IN` generated sources and its provenance.

    Raises:
        InputError: the package that generates it is not installed.
    """
    if spec.name == "arithmetic":
        rows, maker = arithmetic(seed), f"mind-the-gap {__version__}"
    else:
        rows, maker = _gsm_symbolic(seed), f"reasoning-gym {metadata.version('reasoning-gym')}"
    return ListTable(spec.name, rows), {"revision": f"{maker}, seed {seed}", "license": "apache-2.0"}


def _gsm_symbolic(seed: int) -> list[dict[str, str]]:
    try:
        import reasoning_gym
    except ImportError:
        raise InputError(f"source gsm-symbolic needs the package reasoning-gym: {install('synthetic')}") from None

    made = reasoning_gym.create_dataset("gsm_symbolic", size=_GSM_SYMBOLIC_ROWS, seed=seed)
    return [
        {"problem": row["question"], "solution": row["metadata"]["answer_cot"], "answer": row["answer"]} for row in made
    ]
