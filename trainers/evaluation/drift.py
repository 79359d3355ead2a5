"""How far an evaluated policy has moved from a base: both divergences between the two (`divergence`).

KL(checkpoint || base) from the checkpoint's own responses says what it does that the base would not; KL(base ||
checkpoint) from the base's responses says what it has forgotten to do. Both are asked the same tokens. The base's
responses, with its own scores of them, are kept in a journal that all evaluations against it share. One engine runs at
a time: the base (for what it has not drawn yet), the checkpoint, and the base again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.engines.http_engine import HttpEngine
from builder.errors import InputError
from builder.journal.journal import Journal
from builder.machine.display import PaceDisplay
from builder.policy.chat import Chat
from trainers.evaluation.benchmarks import load_prompts
from trainers.evaluation.divergence import average_divergence, divergence
from trainers.evaluation.drift_settings import DIRECTIONS, DriftSettings
from trainers.evaluation.problems import Loaded, Prompt
from trainers.evaluation.progress import SamplingDisplay
from trainers.evaluation.texts import Policy, Scored, Text, Texts

if TYPE_CHECKING:
    from rich.console import Console

    from trainers.evaluation.evaluation import Evaluation


@dataclass(frozen=True)
class DriftPlan:
    """What is needed to measure a drift, before anything runs.

    Attributes:
        settings: what determines the result.
        base: an evaluation of the base, for its engine and tokenizer.
        samples_file: journal with the base's responses.
        console: where a person reads.
    """

    settings: DriftSettings
    base: "Evaluation"
    samples_file: Path
    console: "Console"

    @contextmanager
    def opened(self, checkpoint: Policy, chat: Chat) -> Iterator["Drift"]:
        """The measurement of a checkpoint that is asked with `chat`.

        Raises:
            InputError: the two do not have the same tokenizer, or prompts cannot be read.
        """
        settings, base = self.settings, self.base
        if base.chat().hashes()["tokenizer"] != chat.hashes()["tokenizer"]:
            raise InputError(
                f"--drift {settings.base}: its tokenizer is not that of {chat.target.model}, so that the same tokens "
                "would be another text; name the model that the checkpoint was trained from"
            )
        prompts = [load_prompts(spec, settings.limit, settings.seed) for spec in settings.prompts]
        self.samples_file.parent.mkdir(parents=True, exist_ok=True)
        with Journal(self.samples_file) as shared:
            yield Drift(self, checkpoint, Policy(base.key, shared), chat, prompts)


class Drift:
    """The measurement: what each of the two policies is asked, and what comes out of it.

    Args:
        plan: what is wanted.
        checkpoint: the evaluated policy.
        base: what it is held against.
        chat: tokenizer and template that both are asked with.
        prompts: what they are asked.
    """

    def __init__(
        self, plan: DriftPlan, checkpoint: Policy, base: Policy, chat: Chat, prompts: Sequence[Loaded[Prompt]]
    ) -> None:
        self._plan, self._chat, self._prompts = plan, chat, prompts
        sampling, seed = plan.settings.sampling, plan.settings.seed
        self._texts = {
            name: Texts(policy, chat, prompts, sampling, seed)
            for name, policy in (("checkpoint", checkpoint), ("base", base))
        }
        self._scored = {  # (whose texts, who scores them)
            ("checkpoint", "checkpoint"): Scored(self._texts["checkpoint"], checkpoint.key, checkpoint.journal),
            ("checkpoint", "base"): Scored(self._texts["checkpoint"], base.key, checkpoint.journal),
            ("base", "checkpoint"): Scored(self._texts["base"], checkpoint.key, checkpoint.journal),
            ("base", "base"): Scored(self._texts["base"], base.key, base.journal),
        }

    def is_known(self, policy: str) -> bool:
        """Whether "checkpoint" or "base" has nothing left to draw or to score."""
        return self._texts[policy].all_drawn() and not any(any(scored.missing()) for scored in self._by(policy))

    def begin(self) -> None:
        """Let the base draw what it has not drawn yet, so that the checkpoint can score it.

        Raises:
            EngineError: its engine cannot run; what is finished is kept.
        """
        if not self._texts["base"].all_drawn():
            self._ask_base()

    def finish(self) -> None:
        """Let the base score what the checkpoint has drawn.

        Raises:
            EngineError: its engine cannot run; what is finished is kept.
        """
        if not self.is_known("base"):
            self._ask_base()

    async def ask(self, policy: str, engine: HttpEngine) -> None:
        """Have "checkpoint" or "base" draw its responses, and score all that are drawn.

        Raises:
            EngineError: the engine is gone; what is finished is in the journal.
        """
        texts, console = self._texts[policy], self._plan.console
        if not texts.all_drawn():
            journal = texts.policy.journal
            drawn = journal.progress().sampled_tokens
            with SamplingDisplay(console, sum(len(loaded.problems) for loaded in self._prompts)) as display:
                await texts.draw(engine, lambda: display.note(journal.progress().sampled_tokens - drawn))
        for scored in self._by(policy):
            if total := sum(len(text.tokens) for text in scored.missing()):
                with PaceDisplay(console, total, "tokens", "all responses scored") as display:
                    await scored.ask(engine, display.advance)

    def results(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """`drift` of `results.json`: the base, both divergences for each set of prompts, and their averages.

        Args:
            rows: from `rows`.
        """
        figures = {loaded.name: self._figures(loaded, rows) for loaded in self._prompts}
        return {
            "base": {"name": self._plan.settings.base, "revision": self._plan.settings.base_revision},
            "engine": self._plan.base.engines,
            "prompts": figures,
            "average": {
                direction: average_divergence([f[direction] for f in figures.values()]) for direction in DIRECTIONS
            },
            "settings": self._plan.settings.model_dump(mode="json"),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of `drift.parquet`."""
        for name, texts in self._texts.items():
            for text in texts:
                yield self._row(name, text)

    def _row(self, drawn_by: str, text: Text) -> dict[str, Any]:
        logprobs = {f"{policy}_logprob": self._scored[drawn_by, policy].logprob(text) for policy in self._texts}
        return {
            "prompts": text.prompts,
            "id": text.id,
            "index": text.index,
            "drawn_by": drawn_by,
            "text": self._chat.text(text.tokens),
            "finish_reason": text.finish_reason,
            "tokens": len(text.tokens),
            **logprobs,
        }

    def _figures(self, loaded: Loaded[Prompt], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        mine = [row for row in rows if row["prompts"] == loaded.name]
        ids = list(dict.fromkeys(row["id"] for row in mine))
        if not ids:
            raise InputError(f"--drift: every prompt of {loaded.name} fills the context; there is nothing to measure")
        return {
            "prompts": len(ids),
            "samples": self._plan.settings.sampling.candidates,
            "no_room": len(loaded.problems) - len(ids),
            "prompts_in_file": loaded.total,
            "fingerprint": loaded.fingerprint,
            "provenance": loaded.provenance,
            **{direction: _divergence(mine, ids, *sides) for direction, sides in DIRECTIONS.items()},
        }

    def _by(self, policy: str) -> list[Scored]:
        return [scored for (_, scorer), scored in self._scored.items() if scorer == policy]

    def _ask_base(self) -> None:
        self._plan.console.print(
            f"drift: asking {self._plan.settings.base}", markup=False, highlight=False, soft_wrap=True
        )
        with self._plan.base.engine() as engine:
            asyncio.run(self._closing(engine))

    async def _closing(self, engine: HttpEngine) -> None:
        try:
            await self.ask("base", engine)
        finally:
            await engine.close()


def _divergence(rows: Sequence[dict[str, Any]], ids: Sequence[str], of: str, against: str) -> dict[str, Any]:
    """KL(of || against), from what `of` has drawn."""
    by_prompt: dict[str, list[dict[str, Any]]] = {identifier: [] for identifier in ids}
    for row in rows:
        if row["drawn_by"] == of:
            by_prompt[row["id"]].append(row)
    grouped = list(by_prompt.values())
    return divergence(
        [[row[f"{of}_logprob"] - row[f"{against}_logprob"] for row in mine] for mine in grouped],
        [[row["tokens"] for row in mine] for mine in grouped],
        [[row["finish_reason"] == "length" for row in mine] for mine in grouped],
    )
