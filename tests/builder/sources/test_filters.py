from builder.sources.filters import overlong, reject, unverifiable
from builder.sources.rows import RejectedRow, SourceRow


def row(number, solution="s", gold=None):
    return SourceRow(number, f"r{number}", "made-up", f"p{number}", solution, gold)


def test_overlong_is_what_exceeds_the_limit():
    rows = [row(0, "x" * 10), row(1, "x" * 11), row(2, "x" * 9)]
    kept, rejected = overlong(rows, lambda r: len(r.expert_solution), 10)
    assert kept == [rows[0], rows[2]]
    assert [(r.id, r.row, r.reason) for r in rejected] == [("r1", 1, "overlong")]
    assert rejected[0].detail == "11 tokens of prompt and expert solution, at most 10 fit"


def test_unverifiable_asks_about_each_gold_once():
    asked = []

    def parseable(golds):
        asked.extend(golds)
        return [gold.isdigit() for gold in golds]

    rows = [row(0, gold="4"), row(1, gold="a number"), row(2), row(3, gold="4"), row(4, gold="a number")]
    assert unverifiable(rows, parseable) == {"r1", "r2", "r4"}
    assert asked == ["4", "a number"]


def test_a_rejected_row_keeps_everything_but_the_gold():
    assert reject(row(7, gold="4"), "no_gold", "why") == RejectedRow(7, "r7", "made-up", "no_gold", "why", "p7", "s")
