import json

import pytest

from builder.errors import InputError
from builder.sources.benchmarks import BENCHMARKS
from trainers.evaluation.benchmarks import BenchmarkSpec, load, load_prompts, specs

NO_FIELDS = dict.fromkeys(("problem_field", "answer_field", "solution_field", "id_field"))


def write(file, *rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return BenchmarkSpec(name=file.stem, file=str(file))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_papers_benchmarks_have_the_papers_sizes(shared_data, name):
    loaded = load(BenchmarkSpec(name=name, file=str(shared_data / f"{name}.jsonl")))
    assert len(loaded.problems) == BENCHMARKS[name].problems
    assert len({problem.id for problem in loaded.problems}) == len(loaded.problems)
    assert bool(loaded.problems[0].solutions) == (name != "amc23")


def test_every_shape_of_answer(tmp_path):
    rows = [
        {"question": "a", "answer": 27.0},
        {"question": "b", "answer": "worked: 2 + 2 = 4\n#### 4"},
        {"question": "c", "answer": ["$1$", "$2$"]},
        {"question": "d", "answer": "4.2", "unit": "%", "error": "0.1", "context": "Of 100 people:"},
        {"question": "e", "answer": "$3,4$", "is_multiple_answer": True},
        {"question": "f", "answer": "so $\\boxed{7}$"},
    ]
    problems = load(write(tmp_path / "b.jsonl", *rows)).problems
    assert [p.gold.text for p in problems] == ["27", "4", "1, 2", "4.2", "3, 4", "7"]
    assert (problems[3].text, problems[3].gold.unit, str(problems[3].gold.tolerance)) == (
        "Of 100 people:\nd",
        "%",
        "0.1",
    )
    assert [p.gold.multiple for p in problems] == [False, False, True, False, True, False]


def test_prompts_need_no_answers_and_are_those_of_a_benchmark(tmp_path):
    spec = write(tmp_path / "b.jsonl", *({"id": f"n{i}", "problem": f"p{i}", "answer": i} for i in range(9)))
    asked, with_answers = load_prompts(spec, 4, seed=1), load(spec, 4, seed=1)
    assert [(p.id, p.text) for p in asked.problems] == [(p.id, p.text) for p in with_answers.problems]
    bare = load_prompts(write(tmp_path / "c.jsonl", {"prompt": "Hello?", "context": "In a shop:"}))
    assert [(p.id, p.text) for p in bare.problems] == [("0", "In a shop:\nHello?")]
    with pytest.raises(InputError, match=r"d\.jsonl has no field 'problem'.*its fields: text"):
        load_prompts(write(tmp_path / "d.jsonl", {"text": "Hello?"}))


def test_a_limit_is_a_seeded_sample_in_order(tmp_path):
    spec = write(tmp_path / "b.jsonl", *({"id": i, "problem": f"p{i}", "answer": i} for i in range(50)))
    first, again, other = (load(spec, 10, seed) for seed in (0, 0, 1))
    ids = [int(p.id) for p in first.problems]
    assert ids == sorted(ids) == [int(p.id) for p in again.problems] != [int(p.id) for p in other.problems]
    assert (first.total, first.fingerprint) == (50, again.fingerprint)
    assert first.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "p", "answer": ""}, r"b\.jsonl, line 2: no answer"),
        ({"problem": "p", "answer": None}, r"line 2: no answer"),
        ({"problem": " ", "answer": "4"}, r"line 2: field 'problem': empty"),
        ({"problem": "p", "answer": True}, r"line 2: field 'answer': expected text or a number, got bool"),
        ({"problem": "p", "answer": "4", "id": 1}, r"id '1' occurs twice; name a unique field with --id-field"),
    ],
)
def test_a_row_that_cannot_be_asked_is_an_error(tmp_path, row, message):
    spec = write(tmp_path / "b.jsonl", {"problem": "p", "answer": "4", "id": 1}, row)
    with pytest.raises(InputError, match=message):
        load(spec)


def test_fields_may_be_named_and_a_wrong_name_lists_them(tmp_path):
    write(tmp_path / "b.jsonl", {"task": "p", "key": "4"})
    (spec,) = specs([str(tmp_path / "b.jsonl")], None, {**NO_FIELDS, "problem_field": "task", "answer_field": "key"})
    assert load(spec).problems[0].gold.text == "4"
    with pytest.raises(InputError, match="has no field 'gold'; name it with --answer-field; its fields: task, key"):
        load(spec.model_copy(update={"answer_field": "gold"}))


def test_names_and_files(tmp_path):
    write(tmp_path / "math500.jsonl", {"problem": "p", "answer": "4"})
    assert specs(["math500"], tmp_path, NO_FIELDS)[0].file == str(tmp_path / "math500.jsonl")
    assert specs(["math500"], None, NO_FIELDS)[0].file is None
    for names, data_dir, message in (
        (["maths"], None, "unknown benchmark 'maths'"),
        (["aime24"], tmp_path, r"aime24\.jsonl does not exist"),
        (["amc23", "amc23"], None, "amc23 is named twice"),
    ):
        with pytest.raises(InputError, match=message):
            specs(names, data_dir, NO_FIELDS)
    with pytest.raises(InputError, match="field options are for your own files"):
        specs(["math500"], None, {**NO_FIELDS, "answer_field": "key"})
