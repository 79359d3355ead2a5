"""Importance sampling with the true denominator: the log-probs under the distribution that drew the completions.

python -m trainers.importance_sampling --dataset releases/demo --output runs/importance_sampling
"""

from functools import partial

from builder.machine import cli
from trainers.train import main

if __name__ == "__main__":
    cli.run(partial(main, loss="importance_sampling"))
