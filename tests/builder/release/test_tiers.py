"""What follows from a change of each setting."""

import pytest

from builder.config import Parent, Realign, Rules, Sampling, Settings, Shard, SourceSpec, VerifierSpec
from builder.release.tiers import JUDGED_AGAIN, NAMES, RUN, Change, change, of_samples, of_texts

PLUGIN = VerifierSpec(plugin="m:C", name="c", version="1", kind="words", code="a" * 64)
PARENT = Parent(name="r", manifest="0" * 64, target="t", model_revision="b" * 40)


@pytest.fixture
def settings(target):
    return Settings(
        target=target,
        model_revision="a" * 40,
        sources=[SourceSpec(name="gsm8k")],
        limit=100,
        sampling=Sampling(),
        engine="transformers",
        prompt_hashes={"plain": "x"},
        tool_version="0",
    )


def of(settings, **changes):
    """`settings` with changes, those of its target among them."""
    own = {name: changes.pop(name) for name in list(changes) if name not in Settings.model_fields}
    return settings.model_copy(update=changes | {"target": settings.target.model_copy(update=own)})


def between(before, after):
    return change(*(each.model_dump(mode="json") for each in (before, after)))


@pytest.mark.parametrize(
    ("changes", "follows"),
    [
        ({}, Change.NOTHING),
        ({"vllm_args": ["--gpu-memory-utilization", "0.95"]}, Change.RUNS_ELSEWHERE),
        ({"engine": "vllm", "gpu_memory_gib": 3.0}, Change.RUNS_ELSEWHERE),
        ({"license": "mit"}, Change.WRITTEN_ANEW),
        ({"model": "/elsewhere/the-same-bytes", "engine": "vllm"}, Change.WRITTEN_ANEW),
        ({"rules": Rules.named("paper")}, Change.JUDGED_AGAIN),
        ({"limit": 1000, "license": "mit"}, Change.JUDGED_AGAIN),
        ({"limit": None}, Change.JUDGED_AGAIN),
        ({"sampling": Sampling(candidates=20)}, Change.JUDGED_AGAIN),
        ({"sampling": Sampling(scheme="adaptive")}, Change.JUDGED_AGAIN),
        ({"tool_version": "0.0.1", "verifier_deadline": 9.0}, Change.JUDGED_AGAIN),
        ({"verifier": PLUGIN}, Change.JUDGED_AGAIN),
        ({"near_duplicates": 0.6}, Change.JUDGED_AGAIN),
        ({"sources": [SourceSpec(name="gsm8k", metadata_fields=["tests"])]}, Change.JUDGED_AGAIN),
        ({"sampling": Sampling(temperature=0.6)}, Change.OTHER_SAMPLES),
        ({"seed": 1, "limit": 1000}, Change.OTHER_SAMPLES),
        ({"shard": Shard(number=1, of=2)}, Change.OTHER_SAMPLES),
        ({"model_revision": "b" * 40}, Change.OTHER_SAMPLES),
        ({"dtype": "float32"}, Change.OTHER_SAMPLES),
        ({"system_prompt": "Be brief."}, Change.OTHER_SAMPLES),
        ({"max_length": 1000}, Change.OTHER_SAMPLES),
        ({"sources": [SourceSpec(name="gsm8k", split="test")]}, Change.OTHER_SAMPLES),
    ],
)
def test_what_follows_is_what_the_farthest_reaching_change_asks_for(settings, changes, follows):
    other = of(settings, **changes)
    assert between(settings, other) is between(other, settings) is follows


def test_other_code_of_a_verifier_judges_again_and_math_is_what_nobody_named(settings):
    before, after = (of(settings, verifier=PLUGIN.model_copy(update={"code": code})) for code in ("a" * 64, "b" * 64))
    assert between(before, after) is Change.JUDGED_AGAIN
    now = settings.model_dump(mode="json")
    assert change({key: value for key, value in now.items() if key != "verifier"}, now) is Change.NOTHING


@pytest.mark.parametrize(
    ("changes", "follows"),
    [
        ({"parent": PARENT.model_copy(update={"name": "moved"})}, Change.WRITTEN_ANEW),
        ({"cap": 2.0, "max_log_ratio": 0.5, "min_ess": 0.9}, Change.JUDGED_AGAIN),
        ({"parent": PARENT.model_copy(update={"manifest": "1" * 64})}, Change.OTHER_SAMPLES),
    ],
)
def test_other_bounds_use_the_same_samples_and_another_parent_does_not(settings, changes, follows):
    realign = Realign(parent=PARENT)
    one, other = (of(settings, realign=each) for each in (realign, realign.model_copy(update=changes)))
    assert between(one, other) is follows
    assert between(settings, one) is Change.OTHER_SAMPLES


def test_settings_of_an_earlier_version_lack_fields_that_say_nothing(settings):
    now = settings.model_dump(mode="json")
    earlier = {key: value for key, value in now.items() if key not in ("drop_contradicted", "rules")}
    earlier["target"] = {key: value for key, value in now["target"].items() if value not in (None, [])}
    assert change(earlier, now) is Change.JUDGED_AGAIN


def test_every_name_in_a_tier_is_that_of_a_setting(settings):
    known = {*Settings.model_fields, *(f"target.{name}" for name in type(settings.target).model_fields)}
    known |= {f"sampling.{name}" for name in Sampling.model_fields}
    known |= {f"sources.{name}" for name in SourceSpec.model_fields}
    known |= {f"realign.{name}" for name in Realign.model_fields}
    known |= {f"realign.parent.{name}" for name in Parent.model_fields}
    assert set(JUDGED_AGAIN + NAMES + RUN) <= known


def test_parts_of_settings_hold_what_their_tier_does(settings):
    one = settings.model_dump(mode="json")
    other = of(settings, vllm_args=["-x"], license="mit", limit=7).model_dump(mode="json")
    assert of_samples(one) == of_samples(other)
    assert {key for key in of_texts(one) if of_texts(one)[key] != of_texts(other)[key]} == {"limit"}
