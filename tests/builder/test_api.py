"""Building from Python is building on the command line."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from builder.api import BuildOptions, InputError, _arguments, build, reselect, verifier
from builder.arguments import parser
from builder.policy.models import cache_dir
from scripts.standins.builds import EXPERT, answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

# What is an argument of `build` itself, what it is not for, and what belongs to other calls.
OTHERS = {
    *("help", "target", "output", "source", "verifier"),
    *("list_targets", "print_target", "tool_version", "dry_run", "probe", "release_now", "json"),
    *("push_to_hub", "version", "private"),
}
ROWS = [problem(("solvable", "retellable", "hopeless")[n % 3], n) | {"answer": 4} for n in range(6)]
ROWS[5] |= {"solution": ["Two and two are \\boxed{5}.", EXPERT]}


def flags():
    """The flags of a build by their names with underscores."""
    return {a.option_strings[-1].removeprefix("--").replace("-", "_"): a for a in parser()._actions}


def test_every_flag_is_an_option_of_its_type():
    ours, theirs = BuildOptions.__annotations__, flags()
    assert ours.keys() == theirs.keys() - OTHERS
    for name, kind in ours.items():
        flag = theirs[name]
        assert (kind is bool) == (flag.nargs == 0), name
        if flag.choices:
            assert (get_origin(kind), get_args(kind)) == (Literal, flag.choices), name
        elif flag.type in (int, float):
            assert kind is flag.type, name


def test_options_are_written_as_the_command_line_has_them():
    written = _arguments(
        {"candidates": 4, "fresh": True, "no_entropies": False, "limit": None, "metadata_fields": ("a", "b"),
         "temperature": 0.5, "output": Path("r"), "seed": -1}
    )  # fmt: skip
    args = parser().parse_args(written)
    assert (args.candidates, args.fresh, args.entropies, args.limit) == (4, True, True, None)
    assert (args.metadata_fields, args.temperature, args.output, args.seed) == (["a", "b"], 0.5, Path("r"), -1)


class Local:
    class Inner:
        """No module's own."""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give rows or source, one of them"),
        ({"rows": [], "source": "gsm8k"}, "give rows or source, one of them"),
        ({"rows": [], "temprature": 1}, r"unknown option temprature; did you mean temperature\?"),
        ({"rows": [], "dry_run": True}, "unknown option dry_run"),
        ({"source": "x", "verifier": Local.Inner}, "must stand at the top of a module"),
        ({"source": "x", "verifier": Local()}, "give a name or a class, not Local"),
    ],
)
def test_what_cannot_be_asked(given, message, tmp_path, monkeypatch):
    monkeypatch.setenv("MIND_THE_GAP_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=message):
        build(target="smollm2-135m-instruct", output=tmp_path / "r", **given)


def test_importing_it_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'vllm', 'distilabel', 'datasets', 'polars', 'pydantic', 'aiohttp'}"
    code = f"import sys, builder.api; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_verifier_by_name_and_by_class():
    from tests.builder.verification.plugins import Echo

    with verifier("exact", workers=1) as judge:
        assert judge.verdicts([("Paris", "Answer: Paris"), ("Paris", "Answer: Rome")]) == ["correct", "incorrect"]
    with verifier(Echo, workers=1) as judge:
        assert judge.verdicts([("", "no_answer")]) == ["no_answer"]


@pytest.fixture
def cache(tmp_path, smollm2, monkeypatch):
    """A cache of its own that holds the models."""
    own = tmp_path / "cache"
    own.mkdir()
    (own / "models").symlink_to(cache_dir() / "models")
    monkeypatch.setenv("MIND_THE_GAP_CACHE", str(own))


UNGUARDED = """\
import asyncio, json, sys
from builder.api import build

async def main():
    rows, options = json.loads(sys.argv[1])
    release = build(rows=rows, **options)
    print(release.manifest["summary"]["stages"]["all"])

asyncio.run(main())
"""


def data(output):
    """sha256 of every data file of a release."""
    files = json.loads((output / "manifest.json").read_text())["files"]
    return {path: facts["sha256"] for path, facts in files.items() if path.startswith("data/")}


@pytest.mark.slow
def test_a_list_of_rows_is_built_as_its_file_is(tmp_path, chat, cache, build):
    """In a script without a `__main__` guard, beside a running event loop; then from a thread."""
    from builder import api

    asked = {"target": "smollm2-135m-instruct", "output": str(tmp_path / "mine"), "candidates": 4, "trust_engine": True}
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    with FakeEngine(chat, answer) as engine:
        build(write_source(tmp_path / "rows.jsonl", ROWS), tmp_path / "file", engine)
    with FakeEngine(chat, answer) as engine:
        options = asked | {"engine_url": engine.url}
        done = subprocess.run(
            [sys.executable, str(script), json.dumps([ROWS, options])], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "6"
        assert data(tmp_path / "mine") == data(tmp_path / "file")
        before, said = engine.asked, []
        with ThreadPoolExecutor(1) as thread:
            again = thread.submit(api.build, rows=ROWS, say=said.append, **options).result()
        assert engine.asked == before
        assert "is finished already" in said[0]
        assert again.path == tmp_path / "mine"
        last = table(again.path).row(5, named=True)
        assert (last["stage"], last["expert_index"], last["expert_solution"]) == ("fallback", 1, EXPERT)
        assert last["completion"][0]["content"] == EXPERT
        with pytest.raises(InputError, match=r"other settings:\n  sources\.0\.name: was 'rows:"):
            api.build(rows=ROWS[:5], say=said.append, **options)
        with pytest.raises(InputError, match=r"^--candidates 0: must be at least 1$"):
            api.build(rows=ROWS, say=said.append, **options | {"candidates": 0})
    chosen = reselect(again, policy="shortest", output=tmp_path / "short", say=said.append)
    assert table(chosen.path).height == 6
    assert chosen.manifest["reselection"]["parent"]["name"] == "mine"
