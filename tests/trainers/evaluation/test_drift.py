"""Drift between tiny random models whose responses can all be enumerated."""

import asyncio
import itertools
import json
import math
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from builder.config import Sampling
from builder.engines.local_model import LocalModel
from builder.engines.transformers_engine import TransformersEngine
from builder.errors import InputError
from builder.journal.journal import Journal
from tests.trainers.conftest import tiny_llama
from trainers.evaluation.benchmarks import BenchmarkSpec
from trainers.evaluation.drift import DriftPlan
from trainers.evaluation.drift_settings import DriftSettings
from trainers.evaluation.texts import Policy

VOCABULARY, STOP, LONGEST = 5, 0, 3
PROMPTS = ["1 2", "3", "4 4 1", "2 3 4", "1", "3 3"]


class Digits:
    """A chat whose text is token ids."""

    stop_ids = (STOP,)
    target = SimpleNamespace(context_length=32, model="tiny")

    def __init__(self, tokenizer="digits"):
        self.tokenizer = tokenizer

    def hashes(self):
        return {"tokenizer": self.tokenizer}

    def control_token_in(self, text):
        return None

    def plain_prompt(self, text):
        return [int(word) for word in text.split()]

    def text(self, ids):
        return " ".join(map(str, ids))


class Served:
    """An evaluation of the base, of which a drift needs no more; counts how often its engine is started."""

    engines = "transformers"

    def __init__(self, folder, tokenizer="digits"):
        self.folder, self.key, self.started, self.tokenizer = folder, folder.name, 0, tokenizer

    def chat(self):
        return Digits(self.tokenizer)

    @contextmanager
    def engine(self):
        self.started += 1
        yield TransformersEngine(self.folder, "float32", device="cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A policy that is spread out, and one that was sharpened and moved."""
    root = tmp_path_factory.mktemp("models")
    model = tiny_llama(vocab_size=VOCABULARY, initializer_range=0.5)
    model.save_pretrained(root / "base")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.15).mul_(1.15)
    model.save_pretrained(root / "checkpoint")
    return SimpleNamespace(base=root / "base", checkpoint=root / "checkpoint")


def settings(prompts, base, samples):
    sampling = Sampling(candidates=samples, max_tokens=LONGEST)
    return DriftSettings(
        base=str(base), base_revision="r", prompts=[BenchmarkSpec(name="p", file=str(prompts))], sampling=sampling
    )


@pytest.fixture
def prompts(tmp_path):
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in PROMPTS))
    return tmp_path / "p.jsonl"


def measured(folder, prompts, checkpoint, base, samples=8):
    """Results and rows of a drift, measured as an evaluation does it, and how often either engine was asked."""
    plan = DriftPlan(settings(prompts, base.folder, samples), base, folder / "shared.sqlite", Console(quiet=True))
    served = Served(checkpoint)
    with (
        Journal(folder / f"{checkpoint.name}.sqlite") as journal,
        plan.opened(Policy(checkpoint.name, journal), Digits()) as drift,
    ):
        drift.begin()
        if not drift.is_known("checkpoint"):

            async def ask():
                with served.engine() as engine:
                    await drift.ask("checkpoint", engine)
                    await engine.close()

            asyncio.run(ask())
        drift.finish()
        rows = list(drift.rows())
        return drift.results(rows), rows, served.started


def exact(of, against):
    """KL(of || against) in nats a token, and nats a response, over every response that there is."""
    ids = range(VOCABULARY)
    responses = [
        list(tokens)
        for length in range(1, LONGEST + 1)
        for tokens in itertools.product(ids, repeat=length)
        if STOP not in tokens[:-1] and (tokens[-1] == STOP or length == LONGEST)
    ]
    p, q = (LocalModel(folder, "float32", "cpu") for folder in (of, against))
    divergence = length = 0.0
    for prompt in (Digits().plain_prompt(text) for text in PROMPTS):
        texts = [(prompt, response) for response in responses]
        ours, theirs = ([sum(scores.logprobs) for scores in model.score(texts)] for model in (p, q))
        probability = [math.exp(logprob) for logprob in ours]
        assert sum(probability) == pytest.approx(1, abs=1e-4)
        divergence += sum(w * (a - b) for w, a, b in zip(probability, ours, theirs, strict=True)) / len(PROMPTS)
        length += sum(w * len(r) for w, r in zip(probability, responses, strict=True)) / len(PROMPTS)
    return divergence / length, divergence


def test_both_divergences_are_those_of_all_responses_enumerated(tmp_path, prompts, models):
    base = Served(models.base)
    results, rows, _ = measured(tmp_path, prompts, models.checkpoint, base, samples=200)
    figures = results["prompts"]["p"]
    truth = {
        "kl_checkpoint_base": exact(models.checkpoint, models.base),
        "kl_base_checkpoint": exact(models.base, models.checkpoint),
    }
    errors = {}
    for direction, (per_token, per_sample) in truth.items():
        drawn_by = direction.split("_")[1]
        mine = [row for row in rows if row["drawn_by"] == drawn_by]
        sign = 1 if drawn_by == "checkpoint" else -1
        ratios = torch.tensor([sign * (row["checkpoint_logprob"] - row["base_logprob"]) for row in mine])
        tokens = torch.tensor([float(row["tokens"]) for row in mine])
        # The prompts are given here, not drawn: what is left is the error of the samples.
        errors[direction] = (ratios - per_token * tokens).std().item() / math.sqrt(len(mine)) / tokens.mean().item()
        assert figures[direction]["per_token"] == pytest.approx(per_token, abs=4 * errors[direction])
        error = ratios.std().item() / math.sqrt(len(mine))
        assert figures[direction]["per_sample"] == pytest.approx(per_sample, abs=4 * error)
        assert 0 < figures[direction]["truncated"] < 1
    # The directions differ by so much that one cannot be taken for the other.
    apart = abs(truth["kl_checkpoint_base"][0] - truth["kl_base_checkpoint"][0])
    assert apart > 8 * max(errors.values())
    assert results["average"]["kl_base_checkpoint"]["per_token"] == figures["kl_base_checkpoint"]["per_token"]


def test_a_policy_has_not_moved_from_itself(tmp_path, prompts, models):
    results, rows, _ = measured(tmp_path, prompts, models.base, Served(models.base))
    figures = results["prompts"]["p"]
    for direction in ("kl_checkpoint_base", "kl_base_checkpoint"):
        assert (figures[direction]["per_token"], figures[direction]["stderr"]) == (0, 0)
    assert len(rows) == 2 * 8 * len(PROMPTS)
    copy = shutil.copytree(models.base, tmp_path / "copy")  # whose texts are scored in other batches
    results, _, asked = measured(tmp_path, prompts, copy, Served(models.base))
    assert asked == 1
    for direction in ("kl_checkpoint_base", "kl_base_checkpoint"):
        assert results["prompts"]["p"][direction]["per_token"] == pytest.approx(0, abs=1e-5)


def test_nothing_is_asked_twice_and_the_bases_responses_serve_other_checkpoints(tmp_path, prompts, models):
    base = Served(models.base)
    first = measured(tmp_path, prompts, models.checkpoint, base)
    assert (base.started, first[2]) == (2, 1)  # draw, then score what the checkpoint has drawn
    again = measured(tmp_path, prompts, models.checkpoint, base)
    assert (base.started, again[2]) == (2, 0)
    assert again[:2] == first[:2]
    moved = measured(tmp_path, prompts, shutil.copytree(models.checkpoint, tmp_path / "other"), base)
    assert (base.started, moved[2]) == (3, 1)
    theirs = [[row["text"] for row in rows if row["drawn_by"] == "base"] for rows in (first[1], moved[1])]
    assert theirs[0] == theirs[1]


def test_a_response_that_fills_the_context_counts_up_to_its_last_but_one_token(tmp_path, models, monkeypatch):
    monkeypatch.setattr(Digits, "target", SimpleNamespace(context_length=4, model="tiny"))
    (tmp_path / "p.jsonl").write_text('{"prompt": "1 2"}\n{"prompt": "1 2 3"}\n')
    results, rows, _ = measured(tmp_path, tmp_path / "p.jsonl", models.checkpoint, Served(models.base))
    assert {row["tokens"] for row in rows} == {1}
    assert {row["finish_reason"] for row in rows if row["text"] != str(STOP)} == {"length"}
    assert (results["prompts"]["p"]["prompts"], results["prompts"]["p"]["no_room"]) == (1, 1)


def test_a_base_with_another_tokenizer_is_refused(tmp_path, prompts, models):
    with pytest.raises(InputError, match=r"base: its tokenizer is not that of tiny, so that the same tokens"):
        measured(tmp_path, prompts, models.checkpoint, Served(models.base, tokenizer="letters"))
