"""All commands under one name: `dprime build ...` is `python -m builder.build ...`."""

import ast
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from builder import __version__
from builder.machine.cli import meant

COMMANDS = {
    **{
        name: f"builder.{name}"
        for name in (
            "diagnose",
            "build",
            "merge",
            "report",
            "publish",
            "diff",
            "export",
            "reselect",
            "reverify",
            "realign",
        )
    },
    "verify": "builder.verify",
    **{name: f"trainers.{name.replace('-', '_')}" for name in ("train", "sft", "dft", "importance-sampling")},
    "merge-adapter": "trainers.merge",
    "plot": "trainers.plot",
    "evaluate": "trainers.evaluate",
    "study": "trainers.study",
    "tables": "trainers.study.tables",
}


def main() -> int:
    """Run the command that is asked for; returns the exit code where there is none."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h", "help"):
        print(_help())
    elif name in ("--version", "-V"):
        print(f"mind-the-gap {__version__}")
    elif name in COMMANDS:
        sys.argv[1:] = arguments
        runpy.run_module(COMMANDS[name], run_name="__main__", alter_sys=True)  # which ends the process
    else:
        hint = meant(name, COMMANDS) or f"; known: {', '.join(COMMANDS)}"
        print(f"error: dprime has no command {name}{hint}", file=sys.stderr)
        return 2
    return 0


def _help() -> str:
    lines = [f"  {name:<21}{_purpose(module)}" for name, module in COMMANDS.items()]
    return "\n".join(["usage: dprime COMMAND ...", "", "commands (dprime COMMAND --help shows examples):", *lines])


def _purpose(module: str) -> str:
    """The first line of what the module says about itself, which is not imported for that."""
    spec = find_spec(module)
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    return docstring.splitlines()[0].rstrip(".:")


if __name__ == "__main__":
    sys.exit(main())
