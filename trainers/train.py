"""Fine-tune on D′ with any of the losses.

python -m trainers.train --loss psft --dataset releases/demo --output runs/demo
"""

from dataclasses import replace

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
    from accelerate.utils.memory import clear_device_cache  # torch and all: not for --help

    from trainers.training.guards import check_loss, check_settings

    check_loss(settings.loss)
    check_settings(settings)
    from trainers.training.prepared import prepare
    from trainers.training.run import announce, train
    from trainers.training.seeds import one_each, write_table
    from trainers.training.training_arguments import training_arguments

    runs = [(one, training_arguments(one, config, words)) for one, words in one_each(settings, config, rest)]
    prepared, first = prepare(settings), runs[0][1]
    if settings.dry_run:
        announce(prepared, first, len(runs))
        return 0
    for one, args in runs:
        train(replace(prepared, settings=one), args)
        if settings.seeds:  # a trainer and its model hold each other
            clear_device_cache(garbage_collection=True)
    if settings.seeds and first.process_index == 0:
        print(write_table([one.output for one, _ in runs]))
    return 0


if __name__ == "__main__":
    cli.run(main)
