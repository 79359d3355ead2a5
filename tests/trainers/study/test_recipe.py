"""The stages of the study are commands that the tools understand, in an order in which each finds what it needs."""

from pathlib import Path

import pytest

import builder.arguments
import builder.report
import trainers.evaluate
import trainers.plot
from builder.config import list_targets, load_target
from trainers.arguments import read_settings
from trainers.study.recipe import COMPARISONS, TRAININGS, full, small, study
from trainers.training.training_arguments import training_arguments

SCALES = {"full": full(8), "small": small()}
OUTPUT = Path("studies/x")


@pytest.fixture(params=SCALES)
def scale(request):
    return SCALES[request.param]


def stages(scale, target="smollm2-135m-instruct", output=OUTPUT):
    return study(target, target, scale, "transformers", output)


def words(stage):
    """Module and arguments of a stage's command, without what launches it."""
    command = list(stage.command)
    module = len(command) - 1 - command[::-1].index("-m")  # the last one: a launcher has one of its own
    return command[module + 1], command[module + 2 :]


def of(scale, module):
    return [arguments for name, arguments in map(words, stages(scale)) if name == module]


def test_the_stages_are_the_papers_study(scale):
    trained = {
        (words(s)[0], words(s)[1][words(s)[1].index("--data") + 1]) for s in stages(scale) if "--data" in s.command
    }
    assert trained == {
        ("trainers.sft", "expert"), ("trainers.dft", "expert"), ("trainers.sft", "full"), ("trainers.dft", "full"),
        ("trainers.importance_sampling", "full"), ("trainers.sft", "self_alignment"),
        ("trainers.dft", "self_and_expert"),
    }  # fmt: skip
    evaluated = [trainers.evaluate.parser().parse_args(a) for a in of(scale, "trainers.evaluate")]
    assert [Path(args.model).name for args in evaluated if args.model] == [
        "smollm2-135m-instruct",
        *(t.name for t in TRAININGS),
    ]
    assert len([args for args in evaluated if args.compare]) == len(COMPARISONS)


def test_every_stage_finds_what_earlier_ones_leave(scale):
    left = set()
    for stage in stages(scale):
        output = str(stage.leaves)
        needed = {word for word in stage.command if word.startswith(str(OUTPUT))}
        made = {word for word in needed if output.startswith(word)}
        assert needed - made <= left, stage.name
        left |= made | {output}


@pytest.mark.parametrize("target", list_targets())
def test_the_tools_understand_their_arguments(scale, target, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    for stage in stages(scale, target):
        module, arguments = words(stage)
        if module == "builder.build":
            args = builder.arguments.parser().parse_args(arguments)
            builder.arguments.settings_from(args, load_target(target), "revision", "vllm")
        elif module == "trainers.evaluate":
            trainers.evaluate.parser().parse_args(arguments)
        elif module in ("builder.report", "trainers.plot"):
            {"builder.report": builder.report, "trainers.plot": trainers.plot}[module].parser().parse_args(arguments)
        elif module not in ("trainers.study.held_out", "trainers.study.tables"):
            settings, config, rest = read_settings(arguments, module.removeprefix("trainers."))
            assert settings.resume
            training_arguments(settings, config | {"use_cpu": True, "bf16": False}, rest)


def test_the_full_study_has_the_papers_settings():
    (build,) = (builder.arguments.parser().parse_args(a) for a in of(SCALES["full"], "builder.build"))
    assert (build.source, build.limit) == (["numinamath-cot"], 50000)
    first = next(a for a in of(SCALES["full"], "trainers.evaluate"))
    args = trainers.evaluate.parser().parse_args(first)
    assert (args.samples, args.temperature, args.max_tokens, len(args.benchmarks)) == (16, 1.0, 4096, 5)
    (dft, *_) = (s for s in stages(full(4)) if words(s)[0] == "trainers.dft")
    assert dft.command[dft.command.index("--num_processes") + 1] == "4"


def test_the_small_study_needs_no_network_and_trains_on_nothing_it_is_asked():
    (build,) = (builder.arguments.parser().parse_args(a) for a in of(SCALES["small"], "builder.build"))
    assert build.source == ["arithmetic"]
    asked = [trainers.evaluate.parser().parse_args(a) for a in of(SCALES["small"], "trainers.evaluate")]
    assert {tuple(args.benchmarks) for args in asked if args.model} == {(str(OUTPUT / "held-out.jsonl"),)}
