import json
import os
import re
import subprocess
import sys

import pytest

from builder.config import load_target
from builder.errors import InputError
from trainers.arguments import CONFIGS, list_configs, parser, read_settings
from trainers.losses import LOSSES, Options
from trainers.training.training_arguments import decisive, spare_checkpoints, training_arguments

GIVEN = ["--dataset", "d", "--output", "o"]


def parsed(*arguments, loss="dft"):
    settings, config, rest = read_settings([*GIVEN, *arguments], loss)
    return settings, training_arguments(settings, config, [*rest, "--use-cpu"])


def test_the_command_line_knows_every_loss_and_its_defaults():
    help_text = " ".join(parser(None).format_help().split())
    assert all(re.search(rf"\b{name}\b", help_text) for name in LOSSES)
    settings, _ = parsed()
    for name, default in vars(Options()).items():
        assert getattr(settings, name) == default


def test_transformers_own_arguments_work_in_either_spelling():
    _, args = parsed("--learning-rate", "3e-4", "--num_train_epochs", "2", "--weight-decay", "0.1")
    assert (args.learning_rate, args.num_train_epochs, args.weight_decay) == (3e-4, 2, 0.1)
    assert (args.logging_steps, args.output_dir) == (1, "o")
    assert (args.save_steps, args.save_total_limit) == (0.1, 2)


@pytest.mark.parametrize(
    ("given", "steps", "saved"),
    [
        ([], 10, "steps"),
        ([], 9, "no"),
        (["--save-steps", "3"], 9, "steps"),
        (["--save-strategy", "epoch", "--save-steps", "2"], 9, "epoch"),
    ],
)
def test_a_run_of_few_steps_saves_no_checkpoint_unless_it_is_told_to(given, steps, saved):
    _, args = parsed(*given)
    spare_checkpoints(args, steps)
    assert args.save_strategy == saved


@pytest.mark.parametrize("name", ["qwen2.5-math-7b", "llama-3.1-8b-instruct"])
def test_the_papers_hyperparameters_are_shipped(name):
    settings, args = parsed("--config", name)
    assert args.learning_rate == {"qwen2.5-math-7b": 5e-5, "llama-3.1-8b-instruct": 7e-6}[name]
    assert settings.batch_size == args.gradient_accumulation_steps * args.per_device_train_batch_size == 256
    assert (args.adam_beta1, args.adam_beta2, args.weight_decay) == (0.9, 0.95, 0.01)
    assert (args.lr_scheduler_type, args.warmup_steps, args.max_grad_norm) == ("cosine", 0.1, 1.0)
    assert (args.num_train_epochs, settings.max_length) == (1, load_target(name).max_length)


def test_every_shipped_configuration_belongs_to_a_target():
    for name in set(list_configs()) - {"paper-as-run"}:
        settings, args = parsed("--config", name)
        assert settings.max_length <= load_target(name).max_length
        assert settings.batch_size == args.gradient_accumulation_steps * args.per_device_train_batch_size
    assert sorted(f.name for f in (CONFIGS / "accelerate").iterdir()) == ["deepspeed_zero3.yaml", "fsdp2.yaml"]


def test_the_command_line_wins_over_the_configuration(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("learning-rate: 1.0e-3\nbatch_size: 12\nclip: 3\nweight_decay: 0.5\n")
    settings, args = parsed("--config", str(file), "--learning-rate", "2e-3", "--batch-size", "24")
    assert (args.learning_rate, settings.batch_size, settings.clip, args.weight_decay) == (2e-3, 24, 3.0, 0.5)


def test_the_authors_practice_is_added_to_the_papers_settings():
    settings, args = parsed("--config", "qwen2.5-math-7b", "paper-as-run", "--held-out", "3")
    assert (args.learning_rate, settings.batch_size) == (5e-5, 256)
    assert (settings.dtype, args.bf16, settings.reduction) == ("bfloat16", False, "micro_batch")


@pytest.fixture
def two_processes(monkeypatch):
    """What a launcher tells the command line; no process group is started."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("transformers.TrainingArguments.__post_init__", lambda self: None)
    monkeypatch.setattr("transformers.TrainingArguments.n_gpu", 0)


def test_micro_batches_follow_from_the_batch_and_the_number_of_processes(two_processes, monkeypatch):
    monkeypatch.setattr("transformers.TrainingArguments.world_size", 2)
    assert parsed("--batch-size", "24")[1].gradient_accumulation_steps == 2
    assert parsed("--batch-size", "16")[1].gradient_accumulation_steps == 1


def test_filled_micro_batches_are_at_most_as_many_as_rows_and_win_over_a_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("per_device_train_batch_size: 4\n")
    assert parsed("--batch-size", "24", "--config", str(file))[1].gradient_accumulation_steps == 6
    assert (
        parsed("--batch-size", "24", "--config", str(file), "--micro-tokens", "99")[1].gradient_accumulation_steps == 24
    )
    with pytest.raises(InputError, match="--per-device-train-batch-size has no effect here: --micro-tokens says"):
        parsed("--per-device-train-batch-size", "4", "--micro-tokens", "99")


def test_processes_that_do_not_know_of_each_other_are_refused(two_processes, monkeypatch):
    monkeypatch.setattr("transformers.TrainingArguments.world_size", 1)
    with pytest.raises(InputError, match=r"2 processes were launched, .* add --use-cpu"):
        parsed()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "d"], "--loss and --output missing"),
        ([*GIVEN, "--loss", "dft", "--clip", "0"], "--clip 0.0: must be above 0"),
        ([*GIVEN, "--loss", "dft", "--config", "qwen"], r"no configuration qwen \(shipped: llama-3.1-8b-instruct, "),
        ([*GIVEN, "--loss", "dft", "--learning-rat", "1"], "unknown argument --learning-rat 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message):
        training_arguments(*read_settings(arguments, None))


@pytest.mark.parametrize(
    ("argument", "value", "reason"),
    [
        ("--label-smoothing-factor", "0.1", "the log-probs of the tokens themselves"),
        ("--gradient-accumulation-steps", "4", "micro-batches follow from --batch-size"),
        ("--gradient-accumulation-steps", "1", "micro-batches follow from --batch-size"),  # the default, but given
        ("--auto-find-batch-size", "true", "micro-batches follow from --batch-size"),
        ("--resume-from-checkpoint", "runs/x", "--resume continues the run in --output"),
        ("--output-dir", "runs/x", "the run's directory is --output"),
        ("--use-liger-kernel", "true", "it replaces the forward pass"),
        ("--hub-token", "secret", "set HF_TOKEN"),
        ("--do-eval", "true", "--held-out evaluates"),
        ("--bf16-full-eval", "true", "held-out rows are evaluated exactly"),
        ("--eval-strategy", "epoch", "without rows to evaluate on: --held-out N"),
    ],
)
def test_an_argument_without_effect_is_refused_with_the_reason(argument, value, reason, tmp_path):
    with pytest.raises(InputError, match=f"^{argument} has no effect here:? .*{reason}"):
        parsed(argument, value)
    file = tmp_path / "mine.yaml"
    file.write_text(f"{argument.removeprefix('--')}: {value}\n")
    with pytest.raises(InputError, match=f"^{argument} has no effect here:? .*{reason}"):
        parsed("--config", str(file))


def test_every_argument_decides_the_result_unless_it_is_known_not_to():
    _, one = parsed("--learning-rate", "1e-3", "--logging-steps", "1")
    _, other = parsed("--learning-rate", "1e-3", "--logging-steps", "5", "--save-steps", "3", "--run-name", "x")
    assert decisive(one) == decisive(other) == json.loads(json.dumps(decisive(one)))
    for name in ("learning_rate", "lr_scheduler_kwargs", "neftune_noise_alpha", "optim_args", "seed", "data_seed"):
        assert name in decisive(one)
    assert not {"output_dir", "per_device_train_batch_size", "use_cpu", "hub_model_id"} & decisive(one).keys()


def test_deepspeed_on_cpus_is_refused_since_accelerate_would_leave_its_weights_in_pieces(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(InputError, match="does not start DeepSpeed on CPUs: leave --use-cpu out"):
        parsed()


def test_a_tracker_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("transformers.integrations.integration_utils.is_trackio_available", lambda: False)
    with pytest.raises(InputError, match=r"--report-to trackio: TrackioCallback requires .* Run `pip install trackio`"):
        parsed("--report-to", "trackio")
    with pytest.raises(InputError, match="--report-to paper: paper is not supported, only "):
        parsed("--report-to", "paper")


def test_an_unknown_key_in_a_configuration_is_named(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("learning_rat: 1.0e-3\n")
    with pytest.raises(InputError, match="--config: unknown argument learning_rat"):
        parsed("--config", str(file))


@pytest.mark.parametrize("name", ["train", "sft", "dft", "importance_sampling"])
def test_help_teaches_without_importing_torch(name):
    code = (
        f"import sys, runpy; sys.argv = ['x', '--help']\ntry: runpy.run_module('trainers.{name}', run_name='__main__')"
    )
    code += "\nexcept SystemExit: pass\nassert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert f"python -m trainers.{name} --dataset releases/demo" in done.stdout
    assert "TrainingArguments" in done.stdout
    assert ("--loss" in done.stdout) == (name == "train")
