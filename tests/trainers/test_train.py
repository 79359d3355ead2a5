"""Whole runs from the command line: alone, killed and resumed, and in two processes."""

import json
import shutil
import signal
import subprocess
import sys

import polars as pl
import pytest
from safetensors.torch import load_file

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.manifest import read_manifest
from builder.release.open import open_release
from tests.trainers.launch import quiet_environment, torchrun
from trainers.data.release_rows import release_rows
from trainers.train import main
from trainers.training.prepared import split
from trainers.training.runlog import read_steps

pytestmark = pytest.mark.slow

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
        "from trainers.training.runlog import RunLog\n"
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


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--learning-rate", "2e-2"], r"arguments\.learning_rate: was 0\.01, is now 0\.02"),
        (["--lr-scheduler-kwargs", '{"num_cycles": 2}'], r"arguments\.lr_scheduler_kwargs.*num_cycles"),
        (["--neftune-noise-alpha", "5"], r"arguments\.neftune_noise_alpha: was None, is now 5"),
        (["--seed", "7"], r"arguments\.seed: was 42, is now 7"),
        (["--clip", "3"], r"options\.clip: was None, is now 3\.0"),
        (["--held-out-seed", "1"], "held_out_seed: was 0, is now 1"),
        (["--max-length", "512"], "max_length: was 1024, is now 512"),
        (["--data", "self_and_expert"], "data: was 'full', is now 'self_and_expert'(.|\n)*rows_sha256"),
    ],
)
def test_a_run_is_not_continued_with_other_settings(undisturbed, release, more, said):
    arguments = command(release, undisturbed, "--held-out", "2", "--resume", *more)
    with pytest.raises(InputError, match=f"other data or settings:\n(.|\n)*{said}"):
        main(arguments, loss="importance_sampling")


def test_a_run_is_not_continued_with_other_data_of_the_same_name(undisturbed, release, tmp_path):
    output, data = tmp_path / "run", tmp_path / "release"
    shutil.copytree(release, data)
    assert main(command(data, output, "--max-steps", "1"), loss="sft") == 0
    (file,) = (data / "data" / "tokens").glob("*.parquet")
    frame = pl.read_parquet(file)
    frame.with_columns(pl.col("completion_ids").list.reverse()).write_parquet(file)
    with pytest.raises(InputError, match="other data or settings:\n  rows_sha256: was"):
        main(command(data, output, "--max-steps", "1", "--resume"), loss="sft")


def test_where_and_how_a_run_runs_may_change(undisturbed, release, capsys):
    arguments = command(release, undisturbed, "--held-out", "2", "--resume", "--logging-steps", "2")
    arguments += ["--per-device-train-batch-size", "3", "--batching", "packed", "--save-steps", "5"]
    lines = (undisturbed / "steps.jsonl").read_text()
    assert main(arguments, loss="importance_sampling") == 0
    assert "continuing from" in capsys.readouterr().out
    assert (undisturbed / "steps.jsonl").read_text().startswith(lines.partition('{"step": 6, "train')[0])


def test_held_out_rows_are_the_same_whatever_the_seed(release, tiny_model, tiny_target):
    rows = release_rows(open_release(str(release)), "full", Chat(tiny_model, tiny_target))
    (kept, held_out), (_, others) = split(rows, 4, 0), split(rows, 4, 1)
    assert len(kept) == 16
    assert set(kept.ids).isdisjoint(held_out.ids)
    assert held_out.ids != others.ids


def test_two_processes_have_the_curve_of_one(undisturbed, release, tmp_path):
    output = tmp_path / "two"
    arguments = command(release, output, "--held-out", "2", "--micro-tokens", "250")
    rows = arguments.index("--per-device-train-batch-size")
    done = torchrun("-m", "trainers.importance_sampling", *arguments[:rows], *arguments[rows + 2 :])
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same_curve(curve(output), curve(undisturbed), rel=1e-3)
    assert done.stdout.count("step 6/6  loss") == 1  # one process speaks


def test_the_experts_text_and_self_alignment_come_from_the_same_release(release, tmp_path, capsys):
    for data, rows in (("expert", 20), ("self_alignment", 12), ("self_and_expert", 20)):
        assert main(command(release, tmp_path / data, "--data", data, "--max-steps", "1"), loss="sft") == 0
        assert f"sft on {rows} rows ({data})" in capsys.readouterr().out


def test_a_release_and_other_text_mixed_by_shares(release, tmp_path, capsys):
    text, output = tmp_path / "chat.jsonl", tmp_path / "run"
    text.write_text("".join(json.dumps({"prompt": f"{n}?", "completion": f"{n}!"}) + "\n" for n in range(9)))
    arguments = command(release, output, "--data", "self_alignment", "text", "--held-out", "4")
    arguments[1:2] = [f"{release}:3", f"{text}:1"]
    assert main(arguments, loss="sft") == 0
    printed = capsys.readouterr().out
    # 3 of 12 and 1 of 9 are held out
    assert f"{release} (self_alignment, 75.0%): 9 rows to train on, 9 an epoch" in printed
    assert f"{text} (text, 25.0%): 8 rows to train on, 3 an epoch" in printed
    assert [line["step"] for line in curve(output)] == [1, 2, 3, 4]  # 12 rows, 6 a step, 2 epochs
    facts = json.loads((output / "run.json").read_text())
    assert [(part["rows"], part["rows_an_epoch"]) for part in facts["mixture"]] == [(9, 9), (8, 3)]
    card = (output / "README.md").read_text()
    assert "on 75.0% tiny:\nthe model's own correct solutions only; and on 25.0% chat.jsonl:\nprompts" in card
    with pytest.raises(InputError, match=r"mixture\.0\.share: was 0\.75, is now 0\.66"):
        main([argument.replace(":3", ":2") for argument in arguments] + ["--resume"], loss="sft")


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
        (["--split", "test"], "--split is for --data text"),
        (["--data", "full", "text"], "--data full text: give one for all of the 1 datasets, or one for each"),
        (["--held-out-seed", "3"], "--held-out-seed has no effect without --held-out N"),
        (["--clip", "3"], "--clip has no effect on --loss dft; it is an option of importance_sampling, iw_sft"),
        (["--epsilon", "0.1"], "--epsilon has no effect on --loss dft; it is an option of psft"),
        (["--anchor", "0.1"], "--anchor has no effect on --loss dft; it is an option of asft_k3"),
        (["--null-denominator", "skip"], "--null-denominator has no effect on --loss dft; it is"),
        (["--data", "text"], "--data text needs --target"),
        (["--model", "tiny"], "--model tiny is neither a directory nor a Hub repository"),
        (
            ["--self-normalize"],
            "--self-normalize has no effect on --loss dft; it is an option of importance_sampling, iw_sft",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(release, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        main(command(release, tmp_path / "run", *more), loss="dft")
