"""`--dry-run --probe N`: some rows for real, and nothing of them is drawn twice."""

import json
import re

import pytest

from builder.build import main
from builder.errors import InputError
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

KINDS = ("solvable", "retellable", "hopeless")
PROBE = ("--dry-run", "--probe", "6")


@pytest.mark.slow
def test_the_build_goes_on_from_its_probe(tmp_path, chat, build):
    source = write_source(tmp_path / "s.jsonl", [problem(KINDS[n % 3], n) for n in range(24)])
    with FakeEngine(chat, answer) as engine:
        said = build(source, tmp_path / "r", engine, *PROBE).stderr
        stages = table(tmp_path / "r")["stage"].to_list()
        tokens = table(tmp_path / "r", "candidates")["tokens"].sum()
        assert len(stages) == 6
        assert "What the build will take, from 6 of its rows" in said
        share = stages.count("self_alignment") / 6
        assert re.search(rf"self_alignment\s+{share:.0%}\s", said)
        (sampled, low, high) = re.search(r"tokens sampled\s+([\d,]+)\s+([\d,]+) to ([\d,]+)", said).groups()
        sampled, low, high = (int(n.replace(",", "")) for n in (sampled, low, high))
        assert sampled == 4 * tokens
        assert low < sampled < high
        drawn = engine.sampled.total()
        assert "finished already" in build(source, tmp_path / "r", engine, *PROBE).stderr
        assert engine.sampled.total() == drawn
        done = json.loads(build(source, tmp_path / "r", engine).stdout)
        assert done["stages"] == {"self_alignment": 8, "guided_alignment": 8, "fallback": 8, "all": 24}
        assert engine.sampled.total() == done["candidates"]
        refused = build(source, tmp_path / "r", engine, *PROBE, check=False)
        assert (refused.returncode, "more than a probe of 6 rows" in refused.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("--probe", "6"), ("--dry-run", "--probe", "1")])
def test_a_probe_is_part_of_a_dry_run(arguments):
    with pytest.raises(InputError, match="say --dry-run --probe N, of two rows or more"):
        main(["--target", "smollm2-135m-instruct", *arguments])
