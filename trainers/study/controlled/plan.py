"""The controlled study of one policy as stages: data, warm-up and D′, the choice of rates, and the runs that count.

`python -m trainers.study --controlled` runs them. The second list needs what the first has measured.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from trainers.study.recipe import Stage, Training, stage

CORE = (Training("sft-d", "sft", "expert"), Training("sft-d-prime", "sft", "full"))
MORE = (
    Training("dft-d", "dft", "expert"),
    Training("dft-d-prime", "dft", "full"),
    Training("dft-self-and-expert", "dft", "self_and_expert"),
    Training("is-d-prime", "importance_sampling", "full"),
)
RATES = ("1e-5", "2e-5", "5e-5")
SEEDS = (0, 1, 2)  # of training
EPOCHS = 3  # measured after the last; with the first seed, after the first, too
TESTS = ("in", "phrased", "foreign", "retain")
PRIMARY = ("in", "phrased", "foreign")  # the mean of `in` and of transfer, which is the mean of the two others
DRIFT = ("general", "retain")  # what drift is measured on: nothing that D is about
_TRAIN = (
    *("--config", "smollm2-135m-instruct", "--batch-size", "8", "--bf16", "--use-cpu"),
    *("--lr-scheduler-type", "constant_with_warmup", "--warmup-steps", "9"),
)
_SAMPLING = ("--temperature", "1", "--max-tokens", "128")


@dataclass(frozen=True)
class Policy:
    """One policy of the study, π₀, and everything that is made with it.

    Attributes:
        folder: of its files.
        seed: of its warm-up and of all problems.
        expert: whose solutions D has, a name in `write.EXPERTS`.
        engine: as `--engine` takes it.
    """

    folder: Path
    seed: int
    expert: str
    engine: str

    @property
    def target(self) -> Path:
        """Its target file."""
        return self.folder / "policy.yaml"

    def run(self, training: Training, rate: str, seed: int, epochs: int = EPOCHS) -> Path:
        """Where one training leaves its model."""
        name = f"{training.name}-{rate}-{seed}"
        return self.folder / "runs" / (name if epochs == EPOCHS else f"{name}-first")

    def evaluation(self, model: str, what: str) -> Path:
        """Where a model is evaluated: `dev`, `tests` or `greedy`."""
        return self.folder / "evaluations" / f"{model}-{what}"


def preparation(policy: Policy, trainings: tuple[Training, ...]) -> list[Stage]:
    """Data, warm-up, D′, and a run of every training at every rate with its accuracy on the development set."""
    made = policy.folder / "policy"
    stages = [
        stage("write the problems",
              ("trainers.study.controlled.write", "--seed", str(policy.seed), "--expert", policy.expert,
               "--output", str(policy.folder)), policy.target),
        stage("warm the policy up",
              ("trainers.sft", *_TRAIN, "--data", "text", "--dataset", str(policy.folder / "warm-up.jsonl"),
               "--target", str(policy.folder / "base.yaml"), "--learning-rate", "5e-5", "--seed", str(policy.seed),
               "--num-train-epochs", str(EPOCHS), "--save-strategy", "no", "--output", str(made)),
              made / "config.json"),
        stage("build D′",
              ("builder.build", "--target", str(policy.target), "--source", str(policy.folder / "d.jsonl"),
               "--candidates", "4", *_SAMPLING, "--engine", policy.engine, "--output", str(policy.folder / "d-prime")),
              policy.folder / "d-prime" / "manifest.json"),
        _measured(policy, made, "policy"),
        _greedy(policy, made, "policy"),
    ]  # fmt: skip
    for training in trainings:
        for rate in RATES:
            stages += [_train(policy, training, rate, SEEDS[0]), _development(policy, training, rate)]
    return stages


def comparison(policy: Policy, trainings: tuple[Training, ...]) -> list[Stage]:
    """Every training at its best rate with every seed; greedy, and after one epoch, with the first seed alone."""
    stages = []
    for training in trainings:
        rate = best_rate(policy, training)
        first = policy.run(training, rate, SEEDS[0])
        stages += [_measured(policy, first, f"{first.name}-last"), _greedy(policy, first, f"{first.name}-last")]
        stages += [_train(policy, training, rate, SEEDS[0], epochs=1)]
        stages += [_measured(policy, policy.run(training, rate, SEEDS[0], epochs=1), f"{first.name}-first")]
        for seed in SEEDS[1:]:
            run = policy.run(training, rate, seed)
            stages += [_train(policy, training, rate, seed), _measured(policy, run, f"{run.name}-last")]
    return stages


def best_rate(policy: Policy, training: Training) -> str:
    """The rate with the highest accuracy on the development set; the lower one of equals."""

    def accuracy(rate: str) -> float:
        file = policy.evaluation(policy.run(training, rate, SEEDS[0]).name, "dev") / "results.json"
        return json.loads(file.read_text(encoding="utf-8"))["average"]["accuracy"]

    return max(RATES, key=accuracy)


def _train(policy: Policy, training: Training, rate: str, seed: int, epochs: int = EPOCHS) -> Stage:
    run = policy.run(training, rate, seed, epochs)
    words = (f"trainers.{training.trainer}", *_TRAIN, "--dataset", str(policy.folder / "d-prime"), "--data",
             training.data, "--learning-rate", rate, "--seed", str(seed), "--num-train-epochs", str(epochs),
             "--save-strategy", "epoch", "--save-only-model", "--output", str(run), "--resume")  # fmt: skip
    return stage(f"train {run.name}", words, run / "config.json")


def _development(policy: Policy, training: Training, rate: str) -> Stage:
    run = policy.run(training, rate, SEEDS[0])
    output = policy.evaluation(run.name, "dev")
    words = _evaluate(policy, run, output, ("dev",), "4")
    return stage(f"develop {run.name}", words, output / "results.json")


def _measured(policy: Policy, model: Path, name: str) -> Stage:
    """Accuracy and pass@4 at temperature 1 with the drift from π₀."""
    output = policy.evaluation(name, "tests")
    prompts = [str(policy.folder / f"{name}.jsonl") for name in DRIFT]
    drift = ("--drift", str(policy.folder / "policy"), "--drift-prompts", *prompts,
             "--drift-samples", str(policy.folder / "drift.sqlite"))  # fmt: skip
    return stage(f"evaluate {name}", (*_evaluate(policy, model, output, TESTS, "4"), *drift), output / "results.json")


def _greedy(policy: Policy, model: Path, name: str) -> Stage:
    output = policy.evaluation(name, "greedy")
    words = (*_evaluate(policy, model, output, TESTS, "1"), "--greedy")
    return stage(f"evaluate {name}, greedy", words, output / "results.json")


def _evaluate(policy: Policy, model: Path, output: Path, tests: tuple[str, ...], samples: str) -> tuple[str, ...]:
    files = [str(policy.folder / f"{test}.jsonl") for test in tests]
    return (
        *("trainers.evaluate", "--model", str(model), "--target", str(policy.target), "--benchmarks", *files),
        *("--samples", samples, *_SAMPLING, "--engine", policy.engine, "--output", str(output)),
    )


def tables(policies: list[Policy], output: Path) -> list[Stage]:
    """Everything that was measured, as Markdown."""
    words = ("trainers.study.controlled.tables", *(str(policy.folder) for policy in policies))
    return [stage("tables", words, output / "tables.md", prints=True)]
