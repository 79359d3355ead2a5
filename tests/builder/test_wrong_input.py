"""What a person mistypes: one line that names the flag and the value, and what was probably meant."""

import os

import pytest

from tests.zygote import Zygote

BUILD = ("builder.build", "--target", "smollm2-135m-instruct")
TRAIN = ("trainers.train", "--loss", "dft", "--dataset", "d", "--output", "o")
DRY = ("--source", "arithmetic", "--dry-run")
WRONG = [
    ((*BUILD, "--limit", "0"), "--limit 0: must be at least 1"),
    ((*BUILD, "--limit", "many"), "--limit many: a whole number is needed"),
    ((*BUILD, "--limit"), "--limit: expected one argument"),
    ((*BUILD, "--temprature", "1"), "unknown argument --temprature 1; did you mean --temperature?"),
    ((*BUILD, "--temperature", "0"), "--temperature 0.0: must be above 0"),
    ((*BUILD, "--temperature", "11"), "--temperature 11.0: must be at most 10"),
    ((*BUILD, "--top-p", "2"), "--top-p 2.0: must be at most 1"),
    ((*BUILD, "--candidates", "0"), "--candidates 0: must be at least 1"),
    ((*BUILD, "--max-copy-rate", "2"), "--max-copy-rate 2: must be at most 1"),
    ((*BUILD, "--max-copy-rate", "none"), "--max-copy-rate none: must be a number"),
    ((*BUILD, "--max-tokens", "100000", *DRY), "--max-tokens 100000: the target holds 2048 tokens"),
    ((*BUILD, "--verifier-deadline", "0"), "--verifier-deadline 0.0: must be above 0"),
    ((*BUILD, "--near-duplicates", "2"), "--near-duplicates 2.0: must be at most 1"),
    ((*BUILD, "--near-duplicates", "0"), "--near-duplicates 0.0: must be above 0"),
    ((*BUILD, "--seed", "x"), "--seed x: a whole number is needed"),
    ((*BUILD, "--concurrency", "1.5"), "--concurrency 1.5: a whole number is needed"),
    ((*BUILD, "--forbid-echoes"), "unknown argument --forbid-echoes"),
    ((*BUILD, "--accept-answers", "box"), "did you mean boxed?"),
    ((*BUILD, "--sampling", "adaptve"), "--sampling adaptve: choose from fixed, adaptive; did you mean adaptive?"),
    ((*BUILD, "--rules", "papr"), "did you mean paper?"),
    ((*BUILD, "--engine", "vlm"), "did you mean vllm?"),
    ((*BUILD, "--shard", "9/8", *DRY), "--shard: '9/8' is not a shard: write I/N, such as 2/8"),
    ((*BUILD, "--engine-url", "gpu:8000"), "gpu:8000"),
    ((*BUILD, "--source", "nowhere.jsonl", "--dry-run"), "nowhere.jsonl"),
    ((*BUILD, "--source", "no such thing", "--dry-run"), "no such thing"),
    ((*BUILD, "--version", "1.0.0"), "--push-to-hub"),
    ((*BUILD, "--push-to-hub", "you/x", "--version", "1.0"), "1.0"),
    (("builder.build", "--target", "smolm2"), "did you mean smollm2-135m-instruct?"),
    (("builder.build", "--target", "nowhere.yaml"), "target file nowhere.yaml does not exist"),
    (("builder.build",), "--target is missing"),
    (("builder.diagnose", "--source", "arithmetic"), "required: --target"),
    (("builder.report", "nowhere"), "nowhere is neither a directory nor a dataset repository"),
    (("builder.report", "releases/nowhere"), "releases/nowhere is no directory here"),
    (("builder.report",), "required: RELEASE"),
    (("builder.publish", "nowhere", "--repo", "you/x", "--version", "1.0.0"), "nowhere"),
    (("builder.publish", "nowhere", "--version", "1.0.0"), "--repo"),
    (("builder.diff", "nowhere", "neither"), "nowhere"),
    (("builder.merge", "nowhere", "--output", "o"), "nowhere"),
    (("builder.export", "nowhere", "--format", "verl", "--output", "o"), "nowhere"),
    (("builder.export", "nowhere", "--format", "verll", "--output", "o"), "did you mean verl?"),
    (("builder.verify", "--input", "nowhere.jsonl"), "required: --response-field, --output"),
    (("trainers.train", "--loss", "dft"), "--dataset and --output missing"),
    (("trainers.train", "--dataset", "d", "--output", "o"), "--loss missing"),
    (("trainers.train", "--loss", "dtf", "--dataset", "d", "--output", "o"), "dtf"),
    ((*TRAIN, "--learning-rate", "abc"), "--learning-rate abc: a number is needed; python -m trainers.dft"),
    ((*TRAIN, "--lerning-rate", "1"), "unknown argument --lerning-rate 1; did you mean --learning-rate?"),
    ((*TRAIN, "--bath-size", "4"), "did you mean --batch-size?"),
    ((*TRAIN, "--batch-size", "0"), "--batch-size 0: must be at least 1"),
    ((*TRAIN, "--batch-size", "x"), "--batch-size x: a whole number is needed"),
    ((*TRAIN, "--output-dir", "x"), "the run's directory is --output"),
    ((*TRAIN, "--config", "lama"), "no configuration lama"),
    ((*TRAIN, "--data", "exprt"), "did you mean expert?"),
    ((*TRAIN, "--seeds", "1"), "--seeds"),
    ((*TRAIN, "--dataset", "README.md"), "README.md is a file: add --data text"),
    (("trainers.evaluate", "--modle", "x"), "did you mean --model?"),
    (("trainers.evaluate", "--model", "x"), "--output is missing"),
    (("trainers.evaluate", "--model", "x", "--output", "o", "--card"), "--card: x is not the --output of a trainer"),
    (("builder.report", "nowhere", "neither", "--plots", "p"), "--plots are of one release"),
    (("trainers.evaluate", "--model", "./modeldir", "--output", "o"), "there is no folder ./modeldir"),
    (("trainers.evaluate", "--compare", "a", "b"), "a holds no finished evaluation"),
    (("trainers.plot", "nowhere", "--output", "o.png"), "nowhere"),
    (("trainers.merge", "nowhere", "--output", "o"), "nowhere"),
    (("trainers.study.run",), "name a --target, or ask for the study with --controlled"),
    (("trainers.study.run", "--target", "smollm2-135m-instruct", "--gpus", "x"), "--gpus x: a whole number is needed"),
]


@pytest.fixture(scope="module")
def commands():
    """Runs commands that have imported already, where no Hub can be reached."""
    imported = ("builder.building.session", "trainers.training.training_arguments", "trainers.evaluation.evaluation")
    with Zygote(os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9"}, imported) as zygote:
        yield zygote


@pytest.mark.parametrize(("command", "said"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_it_is_said_in_one_line(commands, command, said):
    done = commands.run(*command)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert len(done.stderr) < 300
