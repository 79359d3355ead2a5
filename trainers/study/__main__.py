"""The command of this room: python -m trainers.study"""

from builder.machine import cli
from trainers.study.run import main

if __name__ == "__main__":
    cli.run(main)
