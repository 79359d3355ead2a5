"""A build of any size without an engine, stage by stage, each in a process of its own.

python -m scripts.standins.synthetic_build source DIR 10000     # a Parquet file of made-up problems
python -m scripts.standins.synthetic_build prepare DIR          # rows.parquet, as every build makes it
python -m scripts.standins.synthetic_build journal DIR          # what an engine would have answered, and the outcomes
python -m scripts.standins.synthetic_build release DIR          # D′

Every row has 10 candidates of 200 to 600 tokens, 400 on average; 60 % of the rows are solved, and the others have 10
retellings as well. Texts are words at random: they compress less well than mathematics does, so that sizes are upper
bounds. The same rows give the same content.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from builder.building.prepare import prepare
from builder.building.workspace import Workspace
from builder.building.write_release import write_release
from builder.config import Sampling, Settings, SourceSpec, load_target
from builder.engines.protocol import Completion, SamplingParams, Scores
from builder.journal.journal import Journal, entropy_key, generation_keys, scoring_key
from builder.machine import cli
from builder.method.alignment import Alignment
from builder.method.candidates import Candidate
from builder.method.outcome import Outcome, Texts
from builder.policy.chat import Chat
from builder.policy.models import resolve_model

CANDIDATES = 10  # a phase
SHORTEST, LONGEST = 200, 600  # tokens of a candidate
SOLVED, RETOLD = 0.6, 0.75  # share of rows; share of the others
_RIGHT, _TRUNCATED, _COPIES = 0.5, 0.05, 0.1  # shares of candidates
_ROW_GROUP = 50_000  # rows of the source; large ones are usual
_OUTCOMES = 128  # rows that are recorded together, as the pipeline does
_STREAM = 1 << 22  # tokens that texts are cut from
_PARAMS = {"self": SamplingParams(1.0, 1.0, LONGEST, ()), "guided": SamplingParams(1.0, 1.0, LONGEST + 1, ())}
_TARGET = load_target("smollm2-135m-instruct")
_MODEL = resolve_model(_TARGET).path


class Words:
    """Texts at random: runs of a stream of common words, digits and signs, drawn with Zipf's frequencies."""

    def __init__(self, chat: Chat, seed: int) -> None:
        vocabulary = Tokenizer.from_file(str(_MODEL / "tokenizer.json")).get_vocab()
        tokens = sorted(i for text, i in vocabulary.items() if re.fullmatch(r"Ġ[a-z]+|Ġ?[0-9=+]", text))
        random = np.random.default_rng(seed)
        frequencies = 1 / np.arange(10, 10 + len(tokens))
        ids = random.permutation(tokens)
        self._stream = random.choice(ids, _STREAM, p=frequencies / frequencies.sum()).astype(np.int32)
        self._logprobs = -random.exponential(0.4, _STREAM).astype(np.float32)
        self._end = chat.end_of_turn_id
        self.random = random

    def tokens(self, shortest: int, longest: int) -> list[int]:
        """Token ids of a text."""
        return self._run(self._stream, int(self.random.integers(shortest, longest)))

    def logprobs(self, length: int) -> list[float]:
        """Log-probs of as many tokens, nats."""
        return self._run(self._logprobs, length)

    def scores(self, length: int) -> Scores:
        """Log-probs and entropies of as many tokens."""
        return Scores(self.logprobs(length), [-x for x in self.logprobs(length)], [0.0] * length)

    def _run(self, stream: np.ndarray, length: int) -> list:
        start = self.random.integers(_STREAM - length)
        return stream[start : start + length].tolist()

    def completion(self, finish_reason: str) -> Completion:
        """A candidate."""
        ids = self.tokens(SHORTEST, LONGEST)
        if finish_reason == "stop":
            ids.append(self._end)
        return Completion(ids, self.logprobs(len(ids)), finish_reason)


def write_source(file: Path, rows: int, chat: Chat) -> None:
    """Problems of some 80 tokens, solutions of some 300; one in a hundred is a duplicate, one in a thousand empty."""
    schema = pa.schema([("problem", pa.string()), ("solution", pa.string())])
    words, recent = Words(chat, 1), deque(maxlen=50)
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(0, rows, _ROW_GROUP):
            content = []
            for number in range(start, min(rows, start + _ROW_GROUP)):
                recent.append(_problem(number, words, chat))
                content.append(recent[0] if number % 100 == 99 else recent[-1])
            writer.write_table(pa.Table.from_pylist(content, schema=schema), row_group_size=_ROW_GROUP)


def _problem(number: int, words: Words, chat: Chat) -> dict[str, str]:
    if number % 1000 == 998:
        return {"problem": "", "solution": ""}
    problem, solution = chat.text(words.tokens(40, 120)), chat.text(words.tokens(150, 450))
    return {"problem": f"Problem {number}:{problem}?", "solution": rf"{solution}. So it is $\boxed{{{number}}}$."}


def fill_journal(workspace: Workspace, chat: Chat) -> None:
    """Every request of a finished build, in the order in which an engine answers them, and every outcome."""
    workspace.engine_file.write_text("synthetic", encoding="utf-8")
    words, pending = Words(chat, 2), []
    with Journal(workspace.journal_file) as journal:
        session = journal.begin_session()
        for row in _rows(workspace.rows_file):
            pending.append(_outcome(row, words, journal, chat))
            if len(pending) == _OUTCOMES:
                journal.put_outcomes(pending)
                pending = []
        journal.put_outcomes(pending)
        journal.note_session(session, 1.0)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    columns = ["row", "id", "expert_solution"]
    for batch in pq.ParquetFile(file, pre_buffer=False).iter_batches(1000, columns=columns):
        yield from batch.to_pylist()


def _outcome(row: dict[str, Any], words: Words, journal: Journal, chat: Chat) -> Outcome:
    """Draw and score what a build would, and decide as it does."""
    solved = words.random.random() < SOLVED
    retold = not solved and words.random.random() < RETOLD
    alignment = Alignment().drawn("self", _draw(row["id"], "self", solved, words, journal))
    if not alignment.solved:
        alignment = alignment.drawn("guided", _draw(row["id"], "guided", retold, words, journal))
    alignment = alignment.decided(0, row["id"], verifiable=True)
    expert_key = scoring_key(row["id"], [], [])
    expert = chat.completion(row["expert_solution"])
    journal.put_scores(expert_key, expert, words.scores(len(expert)))
    entropies = entropy_key(expert_key).hex()
    texts = Texts(expert_key.hex(), policy=expert_key.hex(), entropies=entropies, expert_entropies=entropies)
    if alignment.decision.stage != "fallback":
        own = alignment.decision.stage == "self_alignment"
        kept = (alignment.own if own else alignment.retold)[alignment.decision.kept]
        scored, tokens = scoring_key(row["id"], [0], []), journal.get(bytes.fromhex(kept.key)).token_ids
        journal.put_scores(scored, tokens, words.scores(len(tokens)))
        policy, entropies = kept.key if own else scored.hex(), entropy_key(scored).hex()
        texts = replace(texts, policy=policy, behavior=kept.key, entropies=entropies)
    return Outcome.of(row["row"], row["id"], alignment, texts)


def _draw(row_id: str, phase: str, some_right: bool, words: Words, journal: Journal) -> list[Candidate]:
    drawn, candidates = [], []
    keys = generation_keys(row_id, [], _PARAMS[phase], [(0, index) for index in range(CANDIDATES)])
    for index in range(CANDIDATES):
        right, cut, copied = words.random.random(3) < (_RIGHT if some_right else 0, _TRUNCATED, _COPIES)
        completion = words.completion("length" if cut else "stop")
        reason = "truncated" if cut else None if right else "not_correct"
        if phase == "guided" and reason is None and copied:
            reason = "copies_reference"
        verdict = "correct" if right else "no_answer" if cut else "incorrect"
        drawn.append((key := keys[index], completion))
        tokens, ended = len(completion.token_ids), completion.finish_reason
        candidate = Candidate(index, key.hex(), "", ended, tokens, 0.0, False, verdict, "boxed", reason)
        candidates.append(
            candidate if reason else replace(candidate, policy=_scored(phase, key, completion, words, journal))
        )
    journal.put(drawn)
    return candidates


def _scored(phase: str, key: bytes, drawn: Completion, words: Words, journal: Journal) -> str:
    """Where the policy log-probs of an acceptable candidate are: a retelling's have to be asked for."""
    if phase == "self":
        return key.hex()
    scored = scoring_key(key.hex(), [], [])
    journal.put_scores(scored, drawn.token_ids, Scores(words.logprobs(len(drawn.token_ids))))
    return scored.hex()


def settings(source: Path) -> Settings:
    """Of the build that this pretends to be."""
    return Settings(
        target=_TARGET,
        model_revision="0" * 40,
        sources=[SourceSpec(name=str(source))],
        sampling=Sampling(candidates=CANDIDATES, max_tokens=LONGEST),
        engine="vllm",
        prompt_hashes={},
        tool_version="0",
    )


def main() -> None:
    """One stage."""
    parser = cli.parser("python -m scripts.standins.synthetic_build", __doc__)
    parser.add_argument("stage", choices=("source", "prepare", "journal", "release"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int, nargs="?", default=1000, help="of the source (default: 1000)")
    args = parser.parse_args()
    source, output = args.folder / "source.parquet", args.folder / "release"
    workspace = Workspace.of(output)
    chat = Chat(_MODEL, _TARGET)
    if args.stage == "source":
        write_source(source, args.rows, chat)
    elif args.stage == "prepare":
        with workspace.locked(fresh=True):
            workspace.claim(settings(source))
            prepare(workspace.settings(), chat, workspace)
    elif args.stage == "journal":
        fill_journal(workspace, chat)
    else:
        print(json.dumps(write_release(output, workspace, chat)["summary"]["stages"]))


if __name__ == "__main__":
    main()
