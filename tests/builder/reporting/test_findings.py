import pytest

from builder.reporting.findings import headline, interim, warnings
from builder.reporting.remarkable import remarkable
from builder.reporting.statistics import collect
from tests.builder.reporting.handmade import ROWS, Row, candidate, write


def rows(expert, kept, number=20, stage="self_alignment", **other):
    """Rows of two tokens each, whose log-probs vary a little from row to row."""
    return [
        Row(
            f"r{n}", stage, [expert + 0.01 * n] * 2, [kept - 0.01 * n] * 2, [kept] * 2, completion=f"Text {n}.", **other
        )
        for n in range(number)
    ]


@pytest.fixture
def found(tmp_path):
    def found(made):
        return collect(write(tmp_path / "release", made))

    return found


@pytest.mark.parametrize(
    ("expert", "kept", "said"),
    [
        (-3.0, -1.0, "Rewriting narrowed the gap: excess surprisal goes from 2.41 to 0.59 nats per token (a change of"),
        (-1.0, -3.0, "Rewriting widened the gap: "),
    ],
)
def test_the_headline_says_which_way_and_how_sure_that_is(found, expert, kept, said):
    assert headline(found(rows(expert, kept))).startswith(said)


def test_a_change_within_its_error_is_none(found):
    mixed = [Row(f"r{n}", "self_alignment", [-1.0], [-1.0 + (0.5 if n % 2 else -0.45)], [-1.0]) for n in range(20)]
    assert headline(found(mixed)).startswith("Whether rewriting narrowed the gap cannot be told")


def test_a_stage_that_moved_away_is_named(found):
    away = rows(-1.0, -1.5, number=3, stage="guided_alignment")
    for n, row in enumerate(away):
        row.id = f"g{n}"
    assert headline(found([*rows(-4.0, -1.0), *away])).endswith("rows of guided-alignment moved away.")


def interim_manifest(finished, unfinished, seconds=600.0):
    cost = {"seconds": seconds, "sampled_tokens": 12_000}
    return {"interim": {"finished": finished, "unfinished": unfinished}, "cost": cost}


def test_an_interim_release_says_how_much_of_it_there_is_and_how_fast_it_grows():
    said = interim(interim_manifest(11, 9))
    assert said.startswith(
        "Interim, of an unfinished build: 11 of 20 rows are finished (55.0 %); the other 9 are not in this report."
    )
    assert " So far 66 rows an hour, 20 sampled tokens a second." in said
    assert "an hour" not in interim(interim_manifest(11, 9, seconds=0))
    assert interim(interim_manifest(20, 0)).startswith("Interim: all 20 rows are finished;")
    assert interim({}) is None


def test_what_to_be_careful_with_is_said_and_nothing_else(found):
    assert warnings(found(rows(-3.0, -1.0))) == []


CUT_OFF = candidate("self", 0, "no_answer", finish_reason="length")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (rows(-3.0, -1.0, candidates=[CUT_OFF]), "100 % of the candidates were cut off"),
        (rows(-3.0, -3.0, stage="fallback"), "100 % of the rows keep the expert’s text: D′ is mostly D."),
        (
            [Row(f"r{n}", "self_alignment", [-1.0], [-0.9] * 4, [-0.9] * 4, completion=f"{n}") for n in range(4)],
            "Whole texts and single tokens disagree",
        ),
        (
            [Row(f"r{n}", "self_alignment", [-3.0], [-1.0], [-1.0]) for n in range(4)],
            "4 rows have a text that another row has, too",
        ),
    ],
)
def test_each_warning_has_its_cause(found, made, said):
    (warning,) = warnings(found(made))
    assert said in warning


def test_a_row_worth_looking_at_has_its_reasons(tmp_path):
    release = write(tmp_path / "release", ROWS)
    reasons = remarkable(release)
    assert "leans most on the expert" in reasons["c"]
    assert "longest text" in reasons["a"]
    assert "d" not in reasons or "most foreign text that was kept" not in reasons["d"]  # the policy did not write it
