"""Dynamic fine-tuning: every completion token weighs its probability under the policy (the paper's equation 5).

python -m trainers.dft --dataset releases/demo --output runs/dft
"""

from functools import partial

from builder.machine import cli
from trainers.train import main

if __name__ == "__main__":
    cli.run(partial(main, loss="dft"))
