import pytest

from builder.diagnosis.forecast import Forecast
from builder.diagnosis.judgement import judge
from builder.reporting.means import Mean


@pytest.mark.parametrize(
    ("foreign", "solves", "judgement"),
    [
        ((0.6, 0.9), (0.55, 0.7), "worth it"),
        ((0.4, 0.9), (0.55, 0.7), "cannot be told"),  # the expert may be familiar enough
        ((0.6, 0.9), (0.45, 0.7), "cannot be told"),  # the policy may not be competent
        ((-0.1, 0.05), (0.55, 0.7), "not worth it"),  # no gap to close
        ((-0.1, 0.15), (0.55, 0.7), "cannot be told"),
        ((0.6, 0.9), (0.1, 0.19), "not worth it"),  # its own texts are mostly wrong
        ((0.6, 0.9), (0.1, 0.25), "cannot be told"),
    ],
)
def test_an_interval_must_lie_beyond_a_bound_as_a_whole(foreign, solves, judgement):
    expert = Mean(sum(foreign) / 2, *foreign, texts=200)
    built = Forecast(10, sum(solves) / 2, solves, 0.1, 100.0, 100.0, 1.0)
    found, why = judge(expert, built)
    assert found == judgement
    assert f"{built.own:.0%}" in why or f"{expert.value:+.2f}" in why
