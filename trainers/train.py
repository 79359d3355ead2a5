"""Fine-tune on D′ with any of the losses.

python -m trainers.train --loss psft --dataset releases/demo --output runs/demo
"""

from builder.machine import cli
from trainers.arguments import read_settings


def main(arguments: list[str] | None = None, loss: str | None = None) -> int:
    """Train, and leave the model in --output; returns the exit code.

    Args:
        arguments: the command line.
        loss: name in `losses.LOSSES`; None takes it from the command line.

    Raises:
        MindTheGapError: with the exit code to leave with.
    """
    settings, config, rest = read_settings(arguments, loss)
    from trainers.guards import check_loss, check_settings  # torch and all: not for --help

    check_loss(settings.loss)
    check_settings(settings)
    from trainers.prepared import prepare
    from trainers.run import train
    from trainers.training_arguments import training_arguments

    args = training_arguments(settings, config, rest)
    train(prepare(settings), args)
    return 0


if __name__ == "__main__":
    cli.run(main)
