"""The hostile corpus through the real pool: every verdict as it must be, and the pool none the worse for it."""

import multiprocessing
from collections import Counter

import pytest

from builder.verification.verifier import Verifier
from scripts.stress.corpus import UNDECIDED, corpus

pytestmark = pytest.mark.slow

DEADLINE = 0.25
PATIENT = 60.0  # for what is decided in milliseconds, on a machine that is busy with other things


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Every entry with its verdict, those that may hang first, and the folder in which they were graded."""
    folder = tmp_path_factory.mktemp("hostile")
    entries = sorted(corpus(), key=lambda entry: not may_hang(entry))
    heavy = sum(map(may_hang, entries))
    pairs = [(entry.gold, entry.response) for entry in entries]
    with pytest.MonkeyPatch.context() as patch, Verifier(workers=2, deadline=DEADLINE) as verifier:
        patch.chdir(folder)
        verdicts = verifier.verdicts(pairs[:heavy])
        verifier._pool._deadline = PATIENT  # the same workers go on with the others
        verdicts += verifier.verdicts(pairs[heavy:])
    return list(zip(entries, verdicts, strict=True)), folder


def may_hang(entry):
    return set(UNDECIDED) <= set(entry.verdicts)


def test_the_corpus_is_large_and_without_repeats():
    entries = corpus()
    assert len({(entry.gold, entry.response) for entry in entries}) == len(entries) - 1 > 650  # one stands in two kinds
    assert len({entry.kind for entry in entries}) > 20


def test_every_verdict_is_the_one_it_must_be(graded):
    wrong = [
        f"{entry.kind}: gold {entry.gold[:60]!r}, response {entry.response[:60]!r}: {verdict}, not {entry.verdicts}"
        for entry, verdict in graded[0]
        if verdict not in entry.verdicts
    ]
    assert not wrong, "\n".join(wrong)


def test_what_cannot_be_decided_in_time_says_so(graded):
    counts = Counter(verdict for entry, verdict in graded[0] if may_hang(entry))
    assert counts["timeout"] > 10


def test_nothing_was_executed_and_no_worker_is_left(graded):
    _, folder = graded
    assert list(folder.iterdir()) == []
    assert multiprocessing.active_children() == []
