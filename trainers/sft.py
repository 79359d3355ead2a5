"""Supervised fine-tuning: every completion token weighs the same.

python -m trainers.sft --dataset releases/demo --output runs/sft
"""

from functools import partial

from builder.machine import cli
from trainers.train import main

if __name__ == "__main__":
    cli.run(partial(main, loss="sft"))
