"""A finished build of any candidates, made by hand: to say what a release of other choices among them must be."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builder.building.workspace import Workspace
from builder.building.write_release import write_release
from builder.config import Sampling, Settings, SourceSpec, Target
from builder.engines.protocol import Completion, Scores
from builder.journal.journal import Journal, entropy_key
from builder.machine.atomic import write_atomically
from builder.method.alignment import Alignment, Decision
from builder.method.candidates import Candidate
from builder.method.outcome import Outcome, Texts
from builder.policy.chat import Chat
from builder.release.records import PREPARED, REJECTED, schema

BOUND = 0.25  # of every entropy, nats
EXPERT = "Three and four make \\boxed{7}."


@dataclass(frozen=True)
class Drawn:
    """A candidate.

    Attributes:
        text: itself.
        acceptable: whether it may be kept; otherwise it is not correct.
        taught_end: whether it ends with the token that training teaches; otherwise with the other stop token.
    """

    text: str
    acceptable: bool = True
    taught_end: bool = True


@dataclass(frozen=True)
class Task:
    """A problem with what is drawn for it."""

    own: Sequence[Drawn] = ()
    retold: Sequence[Drawn] = ()


Decide = Callable[[int, Alignment], Decision | None]


def drawn_build(
    output: Path,
    chat: Chat,
    target: Target,
    tasks: Sequence[Task],
    *,
    decide: Decide = lambda number, alignment: None,
    **settings: object,
) -> Path:
    """The release of a build that drew this; `decide` overrules its decisions, where it says any.

    Log-probs follow from texts alone, and every acceptable candidate is scored.
    """
    workspace = Workspace.of(output)
    workspace.root.mkdir(parents=True)
    fields = {"sampling": Sampling(candidates=4), "candidate_scores": "entropies"} | settings
    made = Settings(target=target, model_revision="a" * 40, sources=[SourceSpec(name="made-up")], engine="transformers",
                    prompt_hashes={"plain": "x"}, tool_version="0", **fields)  # fmt: skip
    workspace.claim(made)
    workspace.engine_file.write_text("by hand")
    write_atomically(workspace.provenance_file, json.dumps([{"name": "made-up", "revision": None, "license": "mit"}]))
    rows = [_row(number, chat) for number in range(len(tasks))]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema(PREPARED)), workspace.rows_file)
    pq.write_table(schema(REJECTED).empty_table(), workspace.rejected_file)
    with Journal(workspace.journal_file) as journal:
        for row, task in zip(rows, tasks, strict=True):
            journal.put_outcomes([_outcome(row, task, journal, chat, made, decide)])
    write_release(output, workspace, chat)
    return output


def _row(number: int, chat: Chat) -> dict:
    return {"row": number, "id": f"made-up-{number}", "source": "made-up", "problem": f"What is 3 + {number}?",
            "expert_solution": EXPERT, "gold": "7", "answer_kind": "value", "verifiable": True,
            "expert_verdict": "correct", "expert_tokens": len(chat.completion(EXPERT))}  # fmt: skip


def _outcome(row: dict, task: Task, journal: Journal, chat: Chat, settings: Settings, decide: Decide) -> Outcome:
    alignment = Alignment()
    for phase, drawn in (("self", task.own), ("guided", task.retold)):
        candidates = [_candidate(row["id"], phase, n, one, journal, chat, settings) for n, one in enumerate(drawn)]
        alignment = alignment.drawn(phase, candidates)
    decision = decide(row["row"], alignment)
    alignment = alignment.decided(settings.seed, row["id"], verifiable=True)
    if decision:
        alignment = Alignment(alignment.own, alignment.retold, decision)
    expert = _scored(f"{row['id']} expert", chat.completion(EXPERT), journal)
    entropies = entropy_key(bytes.fromhex(expert)).hex()
    texts = Texts(expert, expert, entropies=entropies, expert_entropies=entropies)
    if alignment.kept:
        phase, kept = alignment.kept
        as_drawn = journal.get(bytes.fromhex(kept.key)).token_ids[-1] == chat.end_of_turn_id
        behavior = kept.key if as_drawn else kept.policy
        texts = Texts(expert, kept.policy, behavior, None, kept.entropies, entropies)
    return Outcome.of(row["row"], row["id"], alignment, texts)


def _candidate(
    row_id: str, phase: str, index: int, drawn: Drawn, journal: Journal, chat: Chat, settings: Settings
) -> Candidate:
    name, completion = f"{row_id} {phase} {index}", chat.completion(drawn.text)
    ids = completion if drawn.taught_end else [*completion[:-1], next(i for i in chat.stop_ids if i != completion[-1])]
    key = f"{name} drawn".encode()
    journal.put([(key, Completion(ids, _logprobs(name, len(ids)), "stop"))])
    judged = ("correct", "boxed", None) if drawn.acceptable else ("incorrect", "boxed", "not_correct")
    candidate = Candidate(index, key.hex(), "", "stop", len(ids), 0.0, False, *judged)
    if not drawn.acceptable:
        return candidate
    scored = _scored(f"{name} scored", completion, journal)
    own = phase == "self" and drawn.taught_end and settings.sampling.from_policy
    return replace(candidate, policy=key.hex() if own else scored, entropies=entropy_key(bytes.fromhex(scored)).hex())


def _scored(name: str, ids: list[int], journal: Journal) -> str:
    entropies = [-x for x in _logprobs(f"{name} entropies", len(ids))]
    journal.put_scores(name.encode(), ids, Scores(_logprobs(name, len(ids)), entropies, [BOUND] * len(ids)))
    return name.encode().hex()


def _logprobs(name: str, length: int) -> list[float]:
    draw = random.Random(name)
    return [-draw.random() for _ in range(length)]
