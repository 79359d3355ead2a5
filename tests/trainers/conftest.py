"""A tiny random model with the real tokenizer, and a real release that this very model wrote."""

import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from builder.building.workspace import Workspace
from builder.building.write_release import write_release
from builder.config import Sampling, Settings, SourceSpec, Target
from builder.engines.local_model import LocalModel
from builder.engines.protocol import Completion
from builder.journal.journal import Journal
from builder.machine.atomic import write_atomically
from builder.method.outcome import Outcome
from builder.policy.chat import Chat
from builder.policy.models import resolve_model
from builder.release.records import REJECTED, schema

ROWS = 20
STAGES = ["self_alignment", "guided_alignment", "fallback", "self_alignment", "self_alignment"]

JUDGED = {"verdict": "correct", "answer_form": "boxed", "rejected_reason": None}


def tiny_llama(**changes) -> LlamaForCausalLM:
    """About 0.8 million random parameters, most of them the vocabulary of SmolLM2."""
    torch.manual_seed(0)
    settings = {
        "vocab_size": 49152,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,  # far from uniform, so that rows and tokens differ
    }
    return LlamaForCausalLM(LlamaConfig(**(settings | changes)))


@pytest.fixture(scope="session")
def tiny_model(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the tiny model."""
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_llama().save_pretrained(path)
    for pattern in ("tokenizer*", "*.jinja"):
        for file in smollm2.glob(pattern):
            shutil.copy(file, path / file.name)
    return path


@pytest.fixture(scope="session")
def tiny_target(tiny_model: Path, target: Target) -> Target:
    """The tiny model as a target."""
    return target.model_copy(
        update={"name": "tiny", "model": str(tiny_model), "offline_package": None, "revision": None, "examples": []}
    )


@pytest.fixture(scope="session")
def release(tiny_target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """D′ of 20 rows: 12 of self-alignment, 4 guided and 4 of the expert, with the tiny model's own log-probs."""
    return make_release(tmp_path_factory.mktemp("release") / "tiny", tiny_target)


def make_release(output: Path, target: Target, rows: int = ROWS) -> Path:
    """Write a release of `target`'s, by hand up to the journal and by the builder from there."""
    model = resolve_model(target)
    chat, local = Chat(model.path, target), LocalModel(model.path, "float32", "cpu")
    workspace = Workspace.of(output)
    workspace.root.mkdir(parents=True)
    workspace.claim(
        Settings(
            target=target,
            model_revision=model.revision,
            sources=[SourceSpec(name="made-up")],
            sampling=Sampling(candidates=1),
            engine="transformers",
            prompt_hashes={"plain": "x"},
            tool_version="0",
        )
    )
    workspace.engine_file.write_text("by hand")
    write_atomically(workspace.provenance_file, json.dumps([{"name": "made-up", "revision": None, "license": "mit"}]))
    draw = random.Random(0)
    problems = [
        {
            "row": n,
            "id": f"made-up-{n}",
            "source": "made-up",
            "problem": f"What is {n} and three?" + " Say why." * draw.randrange(4),
            "expert_solution": "We add. " * draw.randrange(1, 6) + f"\\boxed{{{n + 3}}}",
            "gold": str(n + 3),
            "origin": None,
            "answer_kind": "value",
            "expert_verdict": "correct",
        }
        for n in range(rows)
    ]
    pq.write_table(pa.Table.from_pylist(problems), workspace.rows_file)
    pq.write_table(pa.Table.from_pylist([], schema=schema(REJECTED)), workspace.rejected_file)
    with Journal(workspace.journal_file) as journal:
        for problem in problems:
            journal.put_outcomes([_outcome(problem, draw, chat, local, journal)])
    write_release(output, workspace, chat)
    return output


def _outcome(problem: dict, draw: random.Random, chat: Chat, local: LocalModel, journal: Journal) -> dict:
    row, stage = problem["row"], STAGES[problem["row"] % len(STAGES)]
    phase = stage.split("_")[0]
    prompt = chat.plain_prompt(problem["problem"])
    keys = {name: f"{name}{row}".encode() for name in ("expert", "drawn", "scored")}
    expert = chat.completion(problem["expert_solution"])
    journal.put_scores(keys["expert"], expert, local.score([(prompt, expert)])[0])
    outcome = {
        "row": row,
        "id": problem["id"],
        "stage": stage,
        "kept": None,
        "fallback_reason": "no_acceptable_candidate",
        "expert_key": keys["expert"].hex(),
        "policy_key": keys["expert"].hex(),
        "behavior_key": None,
        "pass_rates": {f"{p}_{c}": int(p == phase) for p in ("self", "guided") for c in ("sampled", "correct")},
        "self": [],
        "guided": [],
    }
    if stage != "fallback":
        drawn = chat.completion("So it is " + "plus three " * draw.randrange(8) + f"\\boxed{{{row + 3}}}")
        under = prompt if phase == "self" else chat.guided_prompt(problem["problem"], problem["expert_solution"])
        journal.put([(keys["drawn"], Completion(drawn, local.score([(under, drawn)])[0].logprobs, "stop"))])
        journal.put_scores(keys["scored"], drawn, local.score([(prompt, drawn)])[0])
        policy = keys["drawn" if phase == "self" else "scored"]
        outcome |= {"kept": 0, "fallback_reason": None}
        outcome |= {"behavior_key": keys["drawn"].hex(), "policy_key": policy.hex()}
        outcome[phase] = [{"index": 0, "key": keys["drawn"].hex(), "policy": policy.hex(), **JUDGED}]
    return Outcome.load(json.dumps(outcome))
