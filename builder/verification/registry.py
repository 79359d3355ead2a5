"""The verifiers that ship with the tool, and what releases say of the one that decided."""

from importlib import metadata
from typing import Any

from builder.config import VerifierSpec

MATH = "math"

# Where their classes are; imported in workers only.
SHIPPED = {
    "exact": "builder.verification.shipped.exact:Exact",
    "choice": "builder.verification.shipped.choice:Choice",
    "code": "builder.verification.shipped.code:Code",
    "ifeval": "builder.verification.shipped.ifeval:IFEval",
    "reasoning-gym": "builder.verification.shipped.gym:Gym",
}

ADDRESS = ("http://", "https://")
REMOTE = "builder.verification.shipped.remote:Remote"  # made with its address
JUDGE = "judge:"
JUDGES = "builder.verification.shipped.judge:Judge"  # made with its file

CHECK_SECONDS, JUDGE_SECONDS = 5.0, 120.0  # a verdict


def deadline_of(asked: float | None, plugin: VerifierSpec | None) -> float:
    """Seconds that one verdict may take, where the command line does not say."""
    if asked is not None:
        return asked
    return JUDGE_SECONDS if plugin and plugin.judged_by else CHECK_SECONDS


def verifier_version(plugin: VerifierSpec | None = None) -> str:
    """Name and version of what decides, for provenance."""
    return f"{plugin.name} {plugin.version}" if plugin else f"math-verify {metadata.version('math-verify')}"


def verifier_provenance(plugin: VerifierSpec | None, deadline: float) -> dict[str, Any]:
    """What a manifest says of it: of a plug-in also its kind and the hash of its source file, of a judge its rubric."""
    known = {"version": verifier_version(plugin), "deadline_seconds": deadline}
    if plugin is None:
        return known
    opinion = {"judged_by", "rubric"} if plugin.judged_by else set()
    return known | plugin.model_dump(include={"plugin", "kind", "code"} | opinion)
