"""A diagnosis as tables for a person, and as JSON for a machine."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from builder.diagnosis.forecast import Forecast
from builder.diagnosis.foreignness import QUARTERS, Foreignness
from builder.diagnosis.judgement import Judgement
from builder.machine.display import duration, plain_table
from builder.reporting.means import Mean


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found.

    Attributes:
        rows: that were looked at.
        source_rows: of the whole source; 0 if it does not say.
        expert: how foreign its texts are.
        built: what a build will come to.
        judgement: whether rewriting is worth it.
        why: the rule that says so, with its numbers.
    """

    rows: int
    source_rows: int
    expert: Foreignness
    built: Forecast
    judgement: Judgement
    why: str

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; excess surprisal in nats a token, shares of rows, seconds and tokens a row."""
        return asdict(self)


def show(diagnosis: Diagnosis, console: Console) -> None:
    """Print it."""
    expert, built = diagnosis.expert, diagnosis.built
    excess = plain_table("expert", "excess surprisal", "95 % interval", "rows")
    for name, mean in _means(expert):
        excess.add_row(escape(name), f"{mean.value:+.3f}", f"{mean.low:+.3f} to {mean.high:+.3f}", f"{mean.texts:,}")
    _titled(console, "Excess surprisal of the expert, nats a token: 0 for what the policy itself writes", excess)
    console.print(f"{expert.foreign:.0%} of its texts are foreign (of the policy's own, 5 % would be)", highlight=False)

    stages = plain_table("stage", "share of rows")
    low, high = built.own_interval
    stages.add_row("self_alignment", f"{built.own:.0%} ({low:.0%} to {high:.0%})")
    stages.add_row("guided_alignment", f"{built.retold:.0%}")
    stages.add_row("fallback", f"{built.fallback:.0%}")
    _titled(console, f"A build with {built.candidates} candidates will come to about", stages)

    cost = plain_table("rows", "tokens sampled", "tokens scored", "time, as fast as here")
    for rows in sorted({1_000, diagnosis.source_rows} - {0}):
        sampled, scored = (f"{rows * tokens:,.0f}" for tokens in (built.sampled_tokens, built.scored_tokens))
        cost.add_row(f"{rows:,}", sampled, scored, duration(rows * built.seconds))
    _titled(console, "and will cost", cost)
    console.print(f"\n[bold]Rewriting is {diagnosis.judgement} here[/bold]"
                  if diagnosis.judgement != "cannot be told" else
                  "\n[bold]Whether rewriting is worth it here cannot be told[/bold]", end=": ")  # fmt: skip
    console.print(f"{diagnosis.why}.", highlight=False)


def _means(expert: Foreignness) -> Iterator[tuple[str, Mean]]:
    yield "all", expert.all
    yield from expert.by_origin.items()
    yield from zip(QUARTERS, expert.by_quarter, strict=True)


def _titled(console: Console, title: str, content: Table) -> None:
    console.print(f"\n[bold]{title}[/bold]", highlight=False)
    console.print(content)
