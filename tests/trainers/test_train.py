"""Whole runs from the command line: alone, killed and resumed, and in two processes."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.manifest import read_manifest
from tests.trainers.launch import quiet_environment, torchrun
from trainers.runlog import read_steps
from trainers.train import main

FIGURES = ("loss", "nll", "entropy", "grad_norm", "learning_rate", "weight_p99", "completion_tokens")


def command(release, output, *more):
    settings = "--batch-size 6 --per-device-train-batch-size 2 --num-train-epochs 2 --save-steps 3 --use-cpu"
    return ["--dataset", str(release), "--output", str(output), *settings.split(), "--learning-rate", "1e-2", *more]


@pytest.fixture(scope="module")
def undisturbed(release, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert main(command(release, output, "--held-out", "2"), loss="importance_sampling") == 0
    return output


def curve(output):
    return [line for line in read_steps(output / "steps.jsonl") if "nll" in line]


def assert_same_curve(one, other, rel):
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for ours, theirs in zip(one, other, strict=True):
        for name in FIGURES:
            assert ours[name] == pytest.approx(theirs[name], rel=rel), (ours["step"], name)


def test_a_run_leaves_a_model_its_curve_and_what_it_was(undisturbed, release, tiny_target, tiny_model):
    lines = curve(undisturbed)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]  # 18 rows, 6 a step, 2 epochs
    assert lines[-1]["nll"] < lines[0]["nll"]
    held_out = [line["eval_nll"] for line in read_steps(undisturbed / "steps.jsonl") if "eval_nll" in line]
    assert len(held_out) == 3  # before training and after each epoch
    facts = json.loads((undisturbed / "run.json").read_text())
    assert (facts["loss"], facts["data"], facts["rows"]) == ("importance_sampling", "full", 20)
    assert facts["model_revision"] == read_manifest(release)["target"]["revision"]
    # The trained model is read as any other, with the release's own template.
    assert Chat(undisturbed, tiny_target).hashes() == Chat(tiny_model, tiny_target).hashes()
    assert load_file(undisturbed / "model.safetensors").keys() == load_file(tiny_model / "model.safetensors").keys()


def test_a_run_killed_in_the_middle_continues_with_the_same_curve(undisturbed, release, tmp_path, capsys):
    output = tmp_path / "killed"
    arguments = command(release, output, "--held-out", "2")
    killer = (
        "import os, signal, sys\n"
        "from trainers.runlog import RunLog\n"
        "from trainers.train import main\n"
        "log = RunLog.on_log\n"
        "def on_log(self, args, state, control, logs=None, **others):\n"
        "    log(self, args, state, control, logs=logs, **others)\n"
        "    if state.global_step == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "RunLog.on_log = on_log\n"
        f"main({arguments!r}, loss='importance_sampling')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", killer], env=quiet_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [line["step"] for line in curve(output)] == [1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="continue it with --resume"):
        main(arguments, loss="importance_sampling")
    assert main([*arguments, "--resume"], loss="importance_sampling") == 0
    assert "continuing from" in capsys.readouterr().out
    assert_same_curve(curve(output), curve(undisturbed), rel=1e-5)


def test_two_processes_have_the_curve_of_one(undisturbed, release, tmp_path):
    output = tmp_path / "two"
    done = torchrun("-m", "trainers.importance_sampling", *command(release, output, "--held-out", "2"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same_curve(curve(output), curve(undisturbed), rel=1e-3)
    assert done.stdout.count("step 6/6  loss") == 1  # one process speaks


def test_the_experts_text_and_self_alignment_come_from_the_same_release(release, tmp_path, capsys):
    for data, rows in (("expert", 20), ("self_alignment", 12)):
        assert main(command(release, tmp_path / data, "--data", data, "--max-steps", "1"), loss="sft") == 0
        assert f"sft on {rows} rows ({data})" in capsys.readouterr().out


def test_another_model_than_the_one_that_wrote_the_data_is_warned_about(release, tiny_model, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    (other / "generation_config.json").write_text('{"eos_token_id": 2, "note": "another file, another revision"}')
    arguments = command(release, tmp_path / "run", "--model", str(other), "--max-steps", "1")
    assert main(arguments, loss="dft") == 0
    warning = capsys.readouterr().err
    assert "warning: this model is not the policy that wrote D′" in warning
    assert read_manifest(release)["target"]["revision"] in warning


def test_another_template_than_the_releases_is_refused(release, tiny_model, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    for template in other.glob("*.jinja"):
        template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    with pytest.raises(InputError, match="chat template differs"):
        main(command(release, tmp_path / "run", "--model", str(other)), loss="dft")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-length", "60"], "rows are longer than --max-length 60 tokens"),
        (["--held-out", "20"], "--held-out 20 leaves nothing of 20 rows"),
        (["--target", "smollm2-135m-instruct"], "--target is for --data text"),
        (["--data", "text"], "--data text needs --target"),
        (["--model", "tiny"], "--model tiny is neither a directory nor a Hub repository"),
        (["--self-normalize"], "--self-normalize has no effect on --loss dft; it is an option of importance_sampling, iw_sft"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(release, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        main(command(release, tmp_path / "run", *more), loss="dft")
