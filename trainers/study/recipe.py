"""The study of the paper as a list of stages, from a source to the tables; `trainers.study` runs them."""

from dataclasses import dataclass
from pathlib import Path

from builder.machine.display import from_here
from trainers.arguments import CONFIGS

PYTHON = "python"  # stands for the interpreter that runs the recipe
ACCELERATE = CONFIGS / "accelerate" / "fsdp2.yaml"


@dataclass(frozen=True)
class Stage:
    """One command of the study.

    Attributes:
        name: as a person calls it.
        command: its words, the first of them `PYTHON`; paths are relative to where the study is started.
        leaves: file that exists once the command has done its work.
        prints: whether that file is what the command prints.
    """

    name: str
    command: tuple[str, ...]
    leaves: Path
    prints: bool = False


@dataclass(frozen=True)
class Training:
    """One way to train the target (the paper's Tables 2 and 4).

    Attributes:
        name: of its run and of its evaluation.
        trainer: module of `trainers`, named like the loss.
        data: as `--data` calls it.
    """

    name: str
    trainer: str
    data: str


@dataclass(frozen=True)
class Scale:
    """How large a study is: the arguments that each kind of command gets.

    Attributes:
        build: where the problems come from, how many there are, and how they are sampled.
        launch: how a training is launched: what follows `python -m`.
        train: what a training gets beside loss, data and the target's configuration.
        evaluate: benchmarks and samples.
        held_out: problems of a generated benchmark that is written first; None where benchmarks are published ones.
    """

    build: tuple[str, ...]
    launch: tuple[str, ...]
    train: tuple[str, ...]
    evaluate: tuple[str, ...]
    held_out: int | None


TRAININGS = (
    Training("sft-d", "sft", "expert"),
    Training("dft-d", "dft", "expert"),
    Training("sft-d-prime", "sft", "full"),
    Training("dft-d-prime", "dft", "full"),
    Training("is-d-prime", "importance_sampling", "full"),
    Training("dft-self-and-expert", "dft", "self_and_expert"),
    Training("sft-self-alignment", "sft", "self_alignment"),
)

# Pairs of models that the paper's claims are about: what fine-tuning does, what rewriting adds, what DFT adds to it,
# and what each stage of rewriting contributes.
COMPARISONS = (
    ("base", "sft-d"),
    ("sft-d", "sft-d-prime"),
    ("dft-d", "dft-d-prime"),
    ("sft-d", "dft-d-prime"),
    ("dft-self-and-expert", "dft-d-prime"),
    ("sft-d-prime", "sft-self-alignment"),
)


def full(processes: int) -> Scale:
    """The paper's study (section 4), trained on as many GPUs; what is not said here is the tools' default."""
    return Scale(
        build=("--source", "numinamath-cot", "--limit", "50000"),
        launch=(
            *("accelerate.commands.launch", "--config_file", from_here(Path(str(ACCELERATE)))),
            *("--num_processes", str(processes), "-m"),
        ),
        train=(),
        evaluate=(),
        held_out=None,
    )


def small(rows: int = 200, candidates: int = 4, steps: int = 25, problems: int = 300, samples: int = 2) -> Scale:
    """The same study for SmolLM2-135M on two CPU cores, without a network: problems that so small a model can solve.

    At temperature 1 such a model hardly ever solves one. Every training takes as many steps: one epoch of all rows.
    More problems tell more than more samples of each.
    """
    sampling = ("--temperature", "0.6", "--max-tokens", "96")
    return Scale(
        build=("--source", "arithmetic", "--limit", str(rows), "--candidates", str(candidates), *sampling),
        launch=(),
        train=(
            *("--batch-size", "8", "--max-steps", str(steps), "--learning-rate", "5e-5"),
            *("--bf16", "--use-cpu", "--save-strategy", "no"),
        ),
        evaluate=("--samples", str(samples), *sampling),
        held_out=problems,
    )


def study(target: str, config: str, scale: Scale, engine: str, output: Path) -> list[Stage]:
    """All stages, each after those that it needs.

    Args:
        target: as `builder.build --target` takes it.
        config: as the trainers' `--config` takes it.
        scale: how large it is.
        engine: as `--engine` takes it.
        output: directory of the study.
    """
    release, benchmark = output / "d-prime", output / "held-out.jsonl"
    runs = {training.name: output / "runs" / training.name for training in TRAININGS}
    models = {"base": target, **{name: str(run) for name, run in runs.items()}}
    evaluations = {name: output / "evaluations" / name for name in models}
    asked = ("--benchmarks", str(benchmark)) if scale.held_out else ()

    stages = [
        stage(
            "build D′",
            ("builder.build", "--target", target, *scale.build, "--engine", engine, "--output", str(release)),
            release / "manifest.json",
        ),
        stage(
            "report on D′",
            ("builder.report", str(release), "--output", str(output / "report.html")),
            output / "report.html",
        ),
    ]
    for training in TRAININGS:
        where = ("--dataset", str(release), "--data", training.data, "--output", str(runs[training.name]), "--resume")
        words = (*scale.launch, f"trainers.{training.trainer}", "--config", config, *scale.train, *where)
        stages.append(stage(f"train {training.name}", words, runs[training.name] / "config.json"))
    if scale.held_out:
        words = ("trainers.study.held_out", "--problems", str(scale.held_out), "--output", str(benchmark))
        stages.append(stage("write the held-out problems", words, benchmark))
    for name, model in models.items():
        # A release does not say how an engine spreads over GPUs; the target's file does.
        template = () if name == "base" else ("--target", target)
        words = ("trainers.evaluate", "--model", model, *template, *asked, *scale.evaluate, "--engine", engine)
        words += ("--output", str(evaluations[name]))
        stages.append(stage(f"evaluate {name}", words, evaluations[name] / "results.json"))
    for a, b in COMPARISONS:
        words = ("trainers.evaluate", "--compare", str(evaluations[a]), str(evaluations[b]))
        stages.append(stage(f"compare {a} with {b}", words, output / f"{a}-with-{b}.txt", prints=True))
    curves = output / "curves.png"
    stages.append(stage("curves", ("trainers.plot", *map(str, runs.values()), "--output", str(curves)), curves))
    everything = map(str, (release, *evaluations.values(), *runs.values()))
    stages.append(stage("tables", ("trainers.study.tables", *everything), output / "tables.md", prints=True))
    return stages


def stage(name: str, words: tuple[str, ...], leaves: Path, *, prints: bool = False) -> Stage:
    """The stage that runs a module."""
    return Stage(name, (PYTHON, "-m", *words), leaves, prints)
