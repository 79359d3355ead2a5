import json

import pytest

from builder.config import SourceSpec
from builder.errors import InputError
from builder.sources.fields import Fields, MalformedError, content_of, find_fields, id_in, metadata_of, origin_of
from builder.sources.table import ListTable


def find(*rows, **fields):
    return find_fields(SourceSpec(name="made-up.jsonl", **fields), ListTable("made-up.jsonl", rows))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"problem": "p", "solution": "s", "answer": "1", "url": ""}, Fields("problem", "solution", "answer")),
        ({"question": "p", "answer": "so 2 #### 2"}, Fields("question", "answer")),
        ({"question": "p", "answer": r"so \boxed{2}"}, Fields("question", "answer")),
        ({"question": "p", "solution": ["s"], "final_answer": ["2"]}, Fields("question", "solution", "final_answer")),
        ({"source": "x", "problem": "p", "solution": "s"}, Fields("problem", "solution", origin="source")),
        (
            {"source": "x", "origin": "y", "problem": "p", "solution": "s"},
            Fields("problem", "solution", origin="origin"),
        ),
        ({"problem": "p", "question": "q", "solution": "s"}, Fields("problem", "solution")),
    ],
)
def test_the_usual_names_are_found(row, expected):
    assert find(row) == expected


def test_named_fields_win_and_one_column_has_one_role():
    row = {"problem": "p", "question": "q", "solution": "s", "answer": "a", "gold": "g", "key": 1}
    found = find(row, problem_field="question", solution_field="answer", id_field="key")
    assert found == Fields("question", "answer", None, "key")
    assert find(row, answer_field="gold") == Fields("problem", "solution", "gold")


def test_an_origin_is_named_or_found_and_has_no_other_role():
    row = {"problem": "p", "source": "s", "data_source": "x", "topic": "y"}
    assert find(row, solution_field="source") == Fields("problem", "source", origin="data_source")
    assert find(row, solution_field="source", origin_field="topic").origin == "topic"
    assert "topic" in find(row, solution_field="source", origin_field="topic").columns
    with pytest.raises(InputError, match="has no field 'where' for --origin-field"):
        find(row, solution_field="source", origin_field="where")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("aops", "aops"), (" a ", "a"), (3, "3"), ("", None), (None, None), (["a"], None), ({}, None), ("\ud800", None),
     ("x" * 999, "x" * 200), (float("nan"), None)],
)  # fmt: skip
def test_origins_of_many_types(value, expected):
    assert origin_of({"where": value}, Fields("p", "s", origin="where")) == expected
    assert origin_of({"where": value}, Fields("p", "s")) is None


def test_a_field_of_later_rows_counts():
    assert find({"problem": "p"}, {"problem": "q", "solution": "s"}) == Fields("problem", "solution")


def test_short_answers_are_no_solutions_to_fall_back_to():
    with pytest.raises(InputError) as caught:
        find({"id": 0, "problem": "p", "answer": 27.0}, {"id": 1, "problem": "q", "answer": 36.0})
    assert "no field holds an expert solution to fall back to" in str(caught.value)
    assert str(caught.value).endswith("name one with --solution-field; its fields: id, problem, answer")


def test_no_problem():
    with pytest.raises(InputError, match=r"no field holds the problem .*--problem-field; its fields: text, solution"):
        find({"text": "p", "solution": "s"})


def gold(answer, solution="s"):
    values = {"problem": "p", "solution": solution, "answer": answer}
    return content_of(values, Fields("problem", "solution", "answer"))[2]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("x^2", "x^2"),
        (27.0, "27"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1e23, "1" + "0" * 23),
        (1e-7, "0.0000001"),
        (12, "12"),
        (["$2n-2$"], "2n-2"),
    ],
)
def test_golds_of_many_types(answer, expected):
    assert gold(answer) == expected


@pytest.mark.parametrize("answer", [None, "", " ", []])
def test_without_an_answer_the_gold_stands_in_the_solution(answer):
    assert gold(answer, r"so \boxed{7}") == "7"
    assert gold(answer, "so seven") is None


@pytest.mark.parametrize("answer", [True, {"value": 1}, float("nan"), float("inf"), ["1", "2"], [[1]]])
def test_golds_that_are_no_answer(answer):
    with pytest.raises(MalformedError, match="field 'answer'"):
        gold(answer)


def test_texts_stay_as_they_are_and_the_gold_stands_in_the_first_of_several_solutions():
    values = {"problem": " p\n", "solution": "s\n"}
    assert content_of(values, Fields("problem", "solution")) == (" p\n", ("s\n",), None)
    values = {"problem": " p\n", "solution": ["", "first: \\boxed{1}\n", None, "second: \\boxed{2}"]}
    solutions = ("first: \\boxed{1}\n", "second: \\boxed{2}")
    assert content_of(values, Fields("problem", "solution")) == (" p\n", solutions, "1")


@pytest.mark.parametrize("solution", [None, "", "\n", [], [""], 7, [["s"]], {"text": "s"}])
def test_solutions_that_are_none(solution):
    with pytest.raises(MalformedError, match="field 'solution'"):
        content_of({"problem": "p", "solution": solution}, Fields("problem", "solution"))


def test_ids():
    assert [id_in({"k": value}, "k") for value in ("a/b", 7, 7.0, 7.5)] == ["a/b", "7", "7", "7.5"]
    for value in (None, "", " ", True, [1], "\ud800"):
        with pytest.raises(MalformedError, match="field 'k'"):
            id_in({"k": value}, "k")


def test_metadata_fields_are_named_and_read():
    row = {"problem": "p", "solution": "s", "tests": ["assert f() == 1"], "metadata": {"a": 1}}
    found = find(row, metadata_fields=["tests", "metadata"])
    assert found.metadata == ("tests", "metadata")
    assert {"tests", "metadata"} <= set(found.columns)
    assert find(row).metadata == ()
    with pytest.raises(InputError, match="has no field 'test' for --metadata-fields"):
        find(row, metadata_fields=["test"])


@pytest.mark.parametrize(
    ("values", "fields", "expected"),
    [
        ({"tests": ["a"], "entry": None}, ("tests", "entry"), {"tests": ["a"], "entry": None}),
        ({"metadata": {"a": 1}, "b": 2}, ("metadata", "b"), {"a": 1, "b": 2}),
        ({"metadata": '{"a": "é"}'}, ("metadata",), {"a": "é"}),
        ({"metadata": "plain words"}, ("metadata",), {"metadata": "plain words"}),
        ({"options": '{"a": 1}'}, ("options",), {"options": '{"a": 1}'}),
        ({}, ("missing",), {"missing": None}),
    ],
)
def test_metadata_is_one_json_object(values, fields, expected):
    assert json.loads(metadata_of(values, fields)) == expected


def test_without_fields_there_is_no_metadata():
    assert metadata_of({"metadata": {"a": 1}}, ()) is None


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes", "half \ud800", "x" * 1_000_001])
def test_metadata_that_is_no_json_is_a_fault_of_its_row(value):
    with pytest.raises(MalformedError, match="field 'it'"):
        metadata_of({"it": value}, ("it",))
