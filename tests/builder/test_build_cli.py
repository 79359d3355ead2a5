import json
import subprocess
import sys

import pytest

from builder import __version__
from builder.build import main
from builder.errors import InputError


def run(*arguments):
    command = [sys.executable, "-m", "builder.build", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_teaches_and_loads_nothing_heavy():
    done = run("--help")
    assert done.returncode == 0
    assert "--engine-url" in done.stdout
    assert "exit codes" in done.stdout
    code = "import builder.build, sys; print({'torch', 'transformers', 'datasets', 'polars'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_list_targets():
    assert "meta-llama/Llama-3.1-8B-Instruct" in run("--list-targets").stdout


def test_the_version_of_the_tool_and_that_of_a_dataset_are_two_options():
    assert run("--tool-version").stdout == f"mind-the-gap {__version__}\n"
    assert "--push-to-hub USER/NAME" in run("--version", "1.0.0", "--target", "smollm2-135m-instruct").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "lama"], "did you mean llama-3.1-8b-instruct"),
        ([], "--target is missing"),
        (["--target", "nowhere.yaml"], "does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_target_that_cannot_run_here_says_what_it_needs(monkeypatch):
    monkeypatch.setattr("builder.engines.servers.gpu_memory_gib", lambda: 0.0)
    with pytest.raises(InputError, match=r"needs 22 GiB of GPU memory, and this machine has no GPU.*--engine-url"):
        main(["--target", "llama-3.1-8b-instruct"])


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--temperature", "0", "temperature"),
        ("--candidates", "0", "candidates"),
        ("--max-copy-rate", "2", "--max-copy-rate 2"),
        ("--verifier-deadline", "0", "--verifier-deadline 0"),
    ],
)
def test_values_out_of_range_name_their_field(option, value, field):
    with pytest.raises(InputError, match=field):
        main(["--target", "smollm2-135m-instruct", "--engine", "transformers", option, value])


@pytest.mark.slow
def test_dry_run_shows_settings_prompts_rows_and_an_estimate(tmp_path, warm):
    source = tmp_path / "mine.jsonl"
    rows = [{"problem": "What is 2 + 2?", "solution": "It is \\boxed{4}."}] * 2
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "r"
    arguments = ("--target", "smollm2-135m-instruct", "--source", str(source), "--output", str(output))
    done = warm.run("builder.build", *arguments, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "temperature: 1.0" in done.stdout
    assert "first plain prompt" in done.stdout
    assert "<|im_start|>user\nWhat is 2 + 2?\nPlease reason" in done.stdout
    assert "rows to build     1 (1 sampled, 0 unverifiable)" in done.stdout
    assert "rows rejected     1 (duplicate 1)" in done.stdout
    assert "tokens, estimate" in done.stdout
    assert not output.exists()
    assert not (tmp_path / "r.work").exists()


@pytest.mark.slow
def test_missing_file_and_unknown_field(tmp_path, warm):
    dry_run = ("builder.build", "--target", "smollm2-135m-instruct", "--dry-run", "--source")
    assert warm.run(*dry_run, "gone.jsonl").returncode == 2
    source = tmp_path / "mine.jsonl"
    source.write_text('{"problem": "p", "solution": "s"}\n')
    done = warm.run(*dry_run, str(source), "--answer-field", "gold")
    assert done.returncode == 2
    assert "has no field 'gold'" in done.stderr
