"""`builder.realign --dry-run`: which answers of a release could stay. Scoring them says it, and the scores are kept."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.building.restore import drawn_by, is_weighed, restoring
from builder.building.workspace import Workspace
from builder.config import Settings
from builder.engines.attached import Expected
from builder.engines.http_engine import HttpEngine
from builder.engines.running import EngineChoice
from builder.journal.draw import model_key, score
from builder.journal.journal import Journal
from builder.machine.display import PaceDisplay
from builder.method.candidates import Candidate
from builder.method.reuse import log_ratio, objection
from builder.policy.chat import Chat
from builder.policy.models import Model
from builder.release.open import Release
from builder.release.side_by_side import Part, Row, array, side_by_side

if TYPE_CHECKING:
    from rich.console import Console

Note = Callable[[Row, Sequence[Candidate]], None]


def weighed(
    args: argparse.Namespace,
    release: Release,
    settings: Settings,
    model: Model,
    output: Path,
    console: "Console",
    note: Note = lambda row, candidates: None,
) -> Counter[str]:
    """Score the stored answers of solved rows under a new checkpoint, and count what a build could do with them.

    Args:
        args: of the command line: whom to ask, and how.
        release: to be realigned.
        settings: of the result.
        model: the new checkpoint's files.
        output: where the result will be; the scores are kept in its working directory.
        console: where a person reads.
        note: is told each solved row of an earlier checkpoint, with its own candidates and their log ratios.

    Returns:
        `rows`; those with an answer that may stay (`reused`), those that this very checkpoint solved (`own`), and the
        others by why not: `unsolved` by the earlier checkpoint, or an `Objection`; of these the rows that something
        is drawn for (`anew`); `scored` answers.

    Raises:
        InputError: the working directory belongs to something else.
        EngineError: the engine cannot run, or is gone; what it has scored is kept.
    """
    workspace, chat = Workspace.of(output), Chat(model.path, settings.target)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    engine = EngineChoice(settings.engine, args.engine_url, args.trust_engine, say)
    with workspace.locked(fresh=args.fresh):
        restoring(release, settings, model.path)(workspace)
        with (
            engine.started(model.path, settings.target, workspace.engine_log) as server,
            Journal(workspace.journal_file) as journal,
        ):
            expected = Expected(settings.target, model, chat, settings.sampling, settings.entropies)
            reached = engine.reached(server, expected, workspace.probe_file)
            workspace.note_engine(reached.version, reached.check)
            asked = HttpEngine(
                reached.urls, reached.model, args.concurrency, send_seed=reached.send_seed, patience=args.patience
            )
            return asyncio.run(_Weighing(release, settings, asked, journal, note).run(console))


class _Weighing:
    """Counts by what `weighed` returns."""

    def __init__(self, release: Release, settings: Settings, engine: HttpEngine, journal: Journal, note: Note) -> None:
        self._release, self._settings, self._engine, self._journal = release, settings, engine, journal
        self._note = note
        self._model = model_key(settings.model_revision, settings.target.dtype)
        self._counts = Counter()

    async def run(self, console: "Console") -> Counter[str]:
        total, span = self._release.manifest["summary"]["stages"]["all"], self._settings.realign.span
        if span:
            total = min(total, span[1]) - span[0]
        try:
            with PaceDisplay(console, total, "rows", "all stored answers scored") as display:
                for part in side_by_side(self._release, span):
                    await asyncio.gather(*(self._row(part, number) for number in range(len(part.rows))))
                    display.advance(len(part.rows))
        finally:
            await self._engine.close()
        return self._counts

    async def _row(self, part: Part, number: int) -> None:
        row = part.rows[number]
        if row["stage"] == "self_alignment":
            weighed = is_weighed(row, drawn_by(row, self._release), self._settings)
            found = (await self._objection(part, number) or "reused") if weighed else "own"
        else:
            found = "unsolved"
        asked = found not in ("reused", "own") and row["fallback_reason"] not in ("unverifiable", "no_room")
        self._counts.update({"rows": 1, found: 1, "anew": asked})

    async def _objection(self, part: Part, number: int) -> str | None:
        row, first = part.rows[number], part.starts[number]
        prompt = array(part.tokens, "prompt_ids", number).tolist()
        places = range(first, first + row["self_sampled"])
        candidates = await asyncio.gather(*(self._candidate(part, prompt, place) for place in places))
        self._note(row, candidates)
        return objection(self._settings.seed, row["id"], candidates, self._settings.realign)

    async def _candidate(self, part: Part, prompt: list[int], place: int) -> Candidate:
        seen, judged = part.seen[place], part.candidates.slice(place, 1).select(_JUDGED).to_pylist()[0]
        ids, behavior = (array(part.candidates, name, place).tolist() for name in ("token_ids", "behavior_logprobs"))
        key = await score(self._engine, self._journal, self._model, prompt, ids)
        ratio = log_ratio(self._journal.get(key).logprobs, behavior)
        self._counts["scored"] += 1
        return Candidate(seen["index"], "", "", tokens=len(ids), control_token=False, log_ratio=ratio, **judged)


_JUDGED = ("finish_reason", "logprob", "verdict", "answer_form", "rejected_reason")
