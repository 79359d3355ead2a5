"""The quick part of `scripts.stress.chaos`: one build, hit three times, beside an engine that answers everything."""

import random
import time

import pytest

from scripts.standins.fake_engine import FakeEngine
from scripts.stress.chaos_build import ChaosBuild


@pytest.fixture
def engine(chat):
    # Not integers: those need no worker that could be killed.
    with FakeEngine(chat, lambda prompt, drawn: f"Sample {drawn}: \\boxed{{{drawn}.0}}.") as running:
        running.before = lambda request: time.sleep(1.0)
        yield running


@pytest.mark.slow
def test_a_build_survives_the_death_of_a_verifier_of_its_main_process_and_of_a_step(tmp_path, engine):
    build, rng = ChaosBuild(tmp_path / "b", engine.url, rows=24, seed=0), random.Random(0)
    kills = [kill for victims in (["verifier", "main"], ["step"]) for kill in build.run(victims, rng, longest=1.0)]
    assert [(kill.victim, kill.verdict) for kill in kills] == [("verifier", "ok"), ("main", "ok"), ("step", "ok")]
    assert build.finished  # by itself, after its step was killed
    assert build.faults() == []
    assert len(build.ids()) == 24
