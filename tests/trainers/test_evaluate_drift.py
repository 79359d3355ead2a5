"""Drift and greedy sampling on the command line of evaluation."""

import asyncio
import json
import shutil
import threading
from collections import Counter
from contextlib import contextmanager

import polars as pl
import pytest
import torch
from aiohttp import web

from builder.engines.transformers_engine import TransformersEngine
from builder.engines.transformers_server import make_app
from builder.errors import EngineError, InputError
from scripts.standins.fake_engine import FakeEngine
from tests.trainers.conftest import tiny_llama
from trainers.evaluate import main
from trainers.evaluation.results import DRIFT


class Counting(FakeEngine):
    """Counts requests by the temperature that they ask for."""

    def __init__(self, chat, word, scored_logprob):
        super().__init__(chat, lambda prompt, drawn: f"{word} {drawn}: \\boxed{{4}}.")
        self.scored_logprob, self.temperatures = scored_logprob, Counter()
        self.before = lambda request: self.note(request)

    def note(self, request):
        if request.get("prompt_logprobs") is None:
            self.temperatures[request["temperature"]] += request["n"]


@pytest.fixture
def engines(chat):
    """The checkpoint's and the base's, a quarter of a nat apart on every token."""
    with Counting(chat, "Or", -1.0) as checkpoint, Counting(chat, "And", -1.25) as base:
        yield checkpoint, base


@pytest.fixture
def problems(tmp_path):
    (tmp_path / "quiz.jsonl").write_text('{"problem": "2 + 2?", "answer": "4"}\n{"problem": "1 + 3?", "answer": "4"}\n')
    return tmp_path / "quiz.jsonl"


@pytest.fixture
def evaluate(problems, engines, tiny_model, tmp_path, capsys):
    """Runs an evaluation with 2 samples; returns its results."""
    checkpoint, base = engines

    def evaluate(*extra, output="e", drift=True):
        against = ["--drift", str(tiny_model), "--drift-engine-url", base.url] if drift else []
        arguments = [
            "--model", "smollm2-135m-instruct", "--benchmarks", str(problems), "--samples", "2", "--max-tokens", "16",
            "--output", str(tmp_path / output), "--engine-url", checkpoint.url, "--trust-engine", *against, *extra,
        ]  # fmt: skip
        assert main(arguments) == 0
        return json.loads((tmp_path / output / "results.json").read_text())

    return evaluate


def test_a_finished_evaluation_gets_a_drift_from_the_samples_that_it_has(evaluate, engines, tmp_path, capsys):
    checkpoint, base = engines
    before = evaluate(drift=False)
    after = evaluate()
    assert (checkpoint.temperatures, base.temperatures) == ({1.0: 4}, {1.0: 4})
    figures = after["drift"]["prompts"]["quiz"]
    # What the checkpoint draws is likelier there by a quarter of a nat a token, and so is what the base draws.
    assert (figures["kl_checkpoint_base"]["per_token"], figures["kl_base_checkpoint"]["per_token"]) == (0.25, -0.25)
    assert (figures["prompts"], figures["samples"], figures["no_room"]) == (2, 2, 0)
    assert after["benchmarks"] == before["benchmarks"]
    rows, samples = (pl.read_parquet(tmp_path / "e" / f"{name}.parquet") for name in ("drift", "samples"))
    assert rows.columns == [column.name for column in DRIFT]
    assert rows.filter(pl.col("drawn_by") == "checkpoint")["text"].to_list() == samples["text"].to_list()
    assert (tmp_path / "drift.sqlite").exists()
    assert "0.2500 ± 0.0000" in capsys.readouterr().out

    asked = base.asked, checkpoint.asked
    assert evaluate(drift=False) == evaluate() == after
    assert capsys.readouterr().out.count("finished already") == 2
    assert (base.asked, checkpoint.asked) == asked
    shutil.rmtree(tmp_path / "e.work")
    with pytest.raises(InputError, match="with its samples is gone: choose another --output, or start over"):
        evaluate("--drift-prompts", str(tmp_path / "quiz.jsonl"), "--drift", "smollm2-135m-instruct")


def test_a_greedy_evaluation_takes_one_sample_and_leaves_the_others_to_its_drift(evaluate, engines, tmp_path, capsys):
    checkpoint, base = engines
    (tmp_path / "chat.jsonl").write_text('{"prompt": "How are you?"}\n')
    (tmp_path / "more.jsonl").write_text('{"prompt": "Who are you?"}\n{"prompt": "Where are you?"}\n')
    results = evaluate("--greedy", "--drift-prompts", str(tmp_path / "chat.jsonl"), str(tmp_path / "more.jsonl"))
    assert checkpoint.temperatures == {0.0: 2, 1.0: 6}
    assert base.temperatures == {1.0: 6}
    assert results["settings"]["sampling"]["candidates"] == results["benchmarks"]["quiz"]["samples"] == 1
    drift = results["drift"]
    assert [(f["prompts"], f["samples"]) for f in drift["prompts"].values()] == [(1, 2), (2, 2)]
    assert drift["average"]["kl_checkpoint_base"]["per_token"] == 0.25
    assert "greedy, top_p 1.0" in capsys.readouterr().out


def test_stopped_it_continues_at_temperature_1_and_asks_for_nothing_twice(evaluate, engines, tmp_path):
    checkpoint, base = engines
    kept = ("--temperature", "0.6", "--drift-samples", str(tmp_path / "elsewhere" / "base.sqlite"))
    # The base's texts are the first that it scores: then the checkpoint has scored nothing yet.
    base.before = lambda request: 400 if request.get("prompt_logprobs") is not None else base.note(request)
    with pytest.raises(EngineError):
        evaluate(*kept)
    assert not (tmp_path / "e").exists()
    base.before = base.note
    drift = evaluate(*kept)["drift"]
    assert (checkpoint.temperatures, base.temperatures) == ({0.6: 4, 1.0: 4}, {1.0: 4})
    assert set(base.scored.values()) == set(checkpoint.scored.values()) == {1}
    assert drift["settings"]["sampling"]["temperature"] == 1.0
    assert (tmp_path / "elsewhere" / "base.sqlite").exists()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--drift-prompts", "p.jsonl"), "--drift-prompts needs --drift BASE"),
        (("--drift-samples", "base.sqlite"), "--drift-samples needs --drift BASE"),
        (("--drift", "lama"), "did you mean llama-3.1-8b-instruct"),
        (("--temperature", "0"), "at temperature 0 all samples are the same: --greedy, or --samples 1"),
        (("--temperature", "-1"), "temperature"),
    ],
)
def test_wrong_input_is_one_line(evaluate, extra, message):
    with pytest.raises(InputError, match=message) as refusal:
        evaluate(*extra, drift=False)
    assert "\n" not in str(refusal.value).strip()


def test_a_base_with_another_tokenizer_is_refused(evaluate, engines, tiny_model, tmp_path):
    other = shutil.copytree(tiny_model, tmp_path / "other")
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = tokenizer["model"]["merges"][:-1]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(InputError, match=r"other: its tokenizer is not that of HuggingFaceTB/SmolLM2-135M-Instruct"):
        evaluate("--drift", str(other))
    assert engines[0].asked <= 2  # it is refused before anything is drawn
    assert not engines[0].temperatures


@contextmanager
def serving(model):
    """Our own server of a model, in a thread of this process."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(make_app(TransformersEngine(model, "float32", device="cpu"), "tiny", 8192))

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.slow
def test_real_models_on_real_engines_of_which_we_start_one(tiny_model, tmp_path, capsys):
    moved = shutil.copytree(tiny_model, tmp_path / "moved")
    model = tiny_llama()
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.2)
    model.save_pretrained(moved)
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(json.dumps({"problem": f"What is {n} + 1?", "answer": n + 1}) + "\n" for n in range(4)))
    command = [
        "--model", str(moved), "--target", "smollm2-135m-instruct", "--benchmarks", str(file), "--samples", "2",
        "--engine", "transformers", "--trust-engine", "--max-tokens", "12", "--output", str(tmp_path / "e"),
    ]  # fmt: skip
    with serving(moved) as url:
        assert main([*command, "--engine-url", url]) == 0
        # Its samples are there: one start of the base is enough to draw and to score.
        assert main([*command, "--engine-url", url, "--drift", str(tiny_model)]) == 0
    assert capsys.readouterr().out.count("starting the transformers engine") == 1
    drift = json.loads((tmp_path / "e" / "results.json").read_text())["drift"]
    assert drift["engine"].startswith("transformers")
    for direction in ("kl_checkpoint_base", "kl_base_checkpoint"):
        figures = drift["prompts"]["sums"][direction]
        assert figures["per_token"] > 3 * figures["stderr"] > 0
