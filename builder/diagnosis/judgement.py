"""Is rewriting worth it? A rule on what was measured, and on what was forecast (docs/evidence.md)."""

from typing import Literal

from builder.diagnosis.forecast import Forecast
from builder.reporting.means import Mean

Judgement = Literal["worth it", "not worth it", "cannot be told"]

FOREIGN = 0.5  # nats a token; an expert above it is foreign
FAMILIAR = 0.1  # one below it writes about as the policy does
COMPETENT = 0.5  # share of rows; a policy above it can do the task
INCOMPETENT = 0.2  # one below it cannot


def judge(expert: Mean, built: Forecast) -> tuple[Judgement, str]:
    """What to do, and why; an interval must lie beyond a bound as a whole."""
    low, high = built.own_interval
    solves = f"the policy solves {built.own:.0%} of the problems by itself ({low:.0%} to {high:.0%})"
    writes = f"the expert is {expert.value:+.2f} nats a token foreign to it ({expert.low:+.2f} to {expert.high:+.2f})"
    if high < INCOMPETENT:
        return "not worth it", f"{solves}: below {INCOMPETENT:.0%}, its own texts teach it less than the expert's"
    if expert.high < FAMILIAR:
        return "not worth it", f"{writes}: below {FAMILIAR:+.1f}, there is no gap to close"
    if low >= COMPETENT and expert.low >= FOREIGN:
        return "worth it", f"{solves}, and {writes}: at least {COMPETENT:.0%} and {FOREIGN:+.1f}"
    return "cannot be told", f"{solves}, and {writes}: worth it from {COMPETENT:.0%} and {FOREIGN:+.1f} on"
