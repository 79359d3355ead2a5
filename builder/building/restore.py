"""The working directory of a build, made of its release: what was drawn and scored is not asked for again.

Of a release that an earlier checkpoint wrote, own answers are put back as what they are, that one's, where they may be
kept: `builder.realign`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from builder.building.workspace import Workspace
from builder.config import Settings
from builder.engines.protocol import Completion, Scores
from builder.errors import InputError
from builder.journal.draw import model_key, sample_keys
from builder.journal.journal import Journal, scoring_key
from builder.journal.requests import sampling_params
from builder.machine.atomic import new_file, write_atomically
from builder.method.selection import derive_seed, prompt_of, shared_out
from builder.policy.chat import Chat
from builder.release.files import batches
from builder.release.open import Release, check_files
from builder.release.parquet import TableWriter
from builder.release.records import PREPARED, REJECTED, schema
from builder.release.reverification import judged_experts
from builder.release.side_by_side import Part, Row, array, side_by_side
from builder.verification.verifier import Verifier


def restoring(release: Release, settings: Settings, model_dir: Path) -> Callable[[Workspace], None]:
    """How a build begins that goes on from a release, whose files are checked first; see `restore`."""

    def begin(workspace: Workspace) -> None:
        check_files(release)
        restore(release, settings, Chat(model_dir, settings.target), workspace)

    return begin


def restore(release: Release, settings: Settings, chat: Chat, workspace: Workspace) -> None:
    """Fill a working directory, which is locked, unless that was done before.

    Args:
        release: with tokens of its candidates.
        settings: its own but for their judgement, and for the policy where it is realigned.
        chat: the target's template and tokenizer.
        workspace: of the build that is to go on.

    Raises:
        InputError: the directory belongs to other samples, or prompts are others than when the release was built.
    """
    workspace.claim(settings)
    if workspace.prepared_rows() is not None:
        return
    write_atomically(workspace.provenance_file, json.dumps(release.manifest["sources"], indent=2))
    if engine := release.manifest["engine"]:
        workspace.note_engine(engine, release.manifest.get("engine_check") or "")
    with (
        new_file(workspace.rows_file) as rows_file,  # appears last: its existence means that the journal is complete
        new_file(workspace.rejected_file) as rejected_file,
        Verifier(deadline=settings.verifier_deadline, plugin=settings.verifier) as verifier,
        Journal(workspace.journal_file) as journal,
    ):
        journal.forget_outcomes()  # if there are any, they are of another judgement
        _write_rejected(release, rejected_file)
        with TableWriter(rows_file, schema(PREPARED)) as rows:
            for part in side_by_side(release, settings.realign and settings.realign.span):
                rows.add(_prepared(part, rows.rows, verifier, release, settings))
                _Restored(part, release, settings, chat, journal).put()
        workspace.note_restored(journal.progress())


def _write_rejected(release: Release, file: Path) -> None:
    with TableWriter(file, schema(REJECTED)) as writer:
        for table in batches(release, "rejected"):
            writer.add_table(table)


def drawn_by(row: Row, release: Release) -> str:
    """The revision that drew a row's own candidates."""
    return row["origin_revision"] or release.manifest["target"]["revision"]


def _prepared(part: Part, first: int, verifier: Verifier, release: Release, settings: Settings) -> Iterator[Row]:
    """The rows of a part, with the columns of `PREPARED`; numbered in the order of the release."""
    for number, (row, (verifiable, verdict)) in enumerate(
        zip(part.rows, judged_experts(part.rows, verifier), strict=True), first
    ):
        by = drawn_by(row, release)
        yield row | {
            "row": number,
            "gold": row["answer"] or "",
            "verifiable": verifiable,
            "expert_verdict": verdict,
            "origin_revision": by if is_weighed(row, by, settings) else None,
        }


def is_weighed(row: Row, by: str, settings: Settings) -> bool:
    """Whether a row's own candidates are another policy's, and one of them may stay: others are drawn anew."""
    return by != settings.model_revision and row["stage"] == "self_alignment"


class _Restored:
    """Puts what was asked for the rows of a part back into a journal."""

    def __init__(self, part: Part, release: Release, settings: Settings, chat: Chat, journal: Journal) -> None:
        self._part, self._release, self._settings = part, release, settings
        self._chat, self._journal = chat, journal
        self._scored_by = release.manifest["target"]["revision"]
        self._by_target = self._scored_by == settings.model_revision
        problems, solutions = ([row[name] for row in part.rows] for name in ("problem", "expert_solution"))
        self._plain, self._guided = chat.plain_prompts(problems), chat.guided_prompts(problems, solutions)

    def put(self) -> None:
        """Every row's samples and scores.

        Raises:
            InputError: a prompt is another one than when the release was built.
        """
        for number, row in enumerate(self._part.rows):
            plain = self._plain[number]
            if array(self._part.tokens, "prompt_ids", number).tolist() != plain:
                raise InputError(
                    f"row {row['id']} of {self._release.name}: its prompt has other tokens today; template, prompt or "
                    "tokenizer have changed since it was built"
                )
            first, by = self._part.starts[number], drawn_by(row, self._release)
            if by == self._settings.model_revision or is_weighed(row, by, self._settings):
                self._put_phase("self", [plain], number, first, row["self_sampled"], by)
            if self._by_target:
                self._score(plain, self._part.expert, number, array(self._part.expert, "token_ids", number))
                guided = first + row["self_sampled"], row["guided_sampled"]
                self._put_phase("guided", self._guided[number], number, *guided, self._scored_by)
                self._put_kept(number, row)

    def _put_phase(
        self, phase: str, prompts: Sequence[list[int]], number: int, first: int, drawn: int, revision: str
    ) -> None:
        row, plain, seed = self._part.rows[number], self._plain[number], self._settings.seed
        if not drawn or not (params := sampling_params(self._settings, self._chat, plain, prompts)):
            return
        for prompt, share in zip(prompts, shared_out(seed, row["id"], drawn, len(prompts)), strict=True):
            seeds = [derive_seed(seed, row["id"], phase, index) for index in share]
            keys = sample_keys(self._model(revision), prompt, params, seeds)
            self._journal.put((key, self._completion(first + i)) for i, key in zip(share, keys, strict=True))
        if self._scored_by not in (revision, self._settings.model_revision):
            return  # nobody asks a third policy about texts of another
        for place in range(first, first + drawn):
            if self._part.seen[place]["rejected_reason"] is None:
                self._score(plain, self._part.candidates, place, self._taught(place))

    def _model(self, revision: str) -> str:
        return model_key(revision, self._settings.target.dtype)

    def _completion(self, place: int) -> Completion:
        ids, logprobs = (array(self._part.candidates, name, place) for name in ("token_ids", "behavior_logprobs"))
        return Completion(ids.tolist(), logprobs.tolist(), self._part.candidates["finish_reason"][place].as_py())

    def _taught(self, place: int) -> np.ndarray:
        return np.append(array(self._part.candidates, "token_ids", place)[:-1], self._chat.end_of_turn_id)

    def _score(self, prompt: list[int], table: pa.Table, place: int, ids: np.ndarray) -> None:
        """What the release's policy makes of a text after the plain prompt, if that is there, with entropies."""
        policy, entropies = (array(table, name, place) for name in ("policy_logprobs", "policy_entropies"))
        if policy is None and entropies is not None:  # drawn from the policy itself
            policy = array(table, "behavior_logprobs", place)
        if policy is None:
            return
        bound = table["entropy_bound"][place].as_py()
        bounds = [bound] * len(ids) if bound and entropies is not None else []
        scores = Scores(policy.tolist(), None if entropies is None else entropies.tolist(), bounds)
        self._journal.put_scores(scoring_key(self._model(self._scored_by), prompt, ids.tolist()), ids.tolist(), scores)

    def _put_kept(self, number: int, row: Row) -> None:
        """Behavior log-probs of a retelling that ends with another token than was drawn were asked for."""
        behavior = array(self._part.tokens, "behavior_logprobs", number)
        if row["stage"] == "guided_alignment" and behavior is not None and self._settings.sampling.from_policy:
            ids = array(self._part.tokens, "completion_ids", number).tolist()
            asked = prompt_of(self._settings.seed, row["id"], row["selected_index"], self._chat.guided)
            key = scoring_key(self._model(self._scored_by), self._guided[number][asked], ids)
            self._journal.put_scores(key, ids, Scores(behavior.tolist()))
