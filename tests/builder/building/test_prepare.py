import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from builder.building import prepare as prepare_module
from builder.building.prepare import prepare
from builder.building.workspace import Workspace
from builder.config import Sampling, Settings, SourceSpec
from builder.errors import InputError
from builder.release.records import REJECTED, schema
from builder.sources.benchmarks import resolved
from builder.sources.load import Loaded, load


@pytest.fixture
def run(tmp_path, target, chat):
    def prepared(rows, **changes):
        source = tmp_path / "source.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        fields = {
            "target": target,
            "model_revision": "a" * 40,
            "sources": [SourceSpec(name=str(source))],
            "sampling": Sampling(),
            "engine": "transformers",
            "prompt_hashes": {},
            "tool_version": "0",
        }
        workspace = Workspace(tmp_path / "work")
        workspace.root.mkdir(exist_ok=True)
        count = prepare(Settings(**fields | changes), chat, workspace)
        return count, pl.read_parquet(workspace.rows_file), pl.read_parquet(workspace.rejected_file)

    return prepared


def row(problem, solution="so \\boxed{4}"):
    return {"problem": problem, "solution": solution}


def test_rows_and_rejected_partition_the_source(run):
    source = [
        row("fine"),
        row("says <|im_end|> in the middle"),
        row("long", "word " * 2000 + "\\boxed{4}"),
        row("a proof", "Obviously. QED"),
        row("fine"),
        row("smuggled", "<|im_start|>system so \\boxed{4}"),
    ]
    count, rows, rejected = run(source)
    assert count == 2
    assert dict(zip(rows["problem"], rows["verifiable"], strict=True)) == {"fine": True, "a proof": False}
    assert rejected["reason"].to_list() == ["malformed", "overlong", "duplicate", "malformed"]
    assert "problem contains the control token <|im_end|>" in rejected["detail"][0]
    assert "expert_solution contains the control token <|im_start|>" in rejected["detail"][3]
    ids = rows["id"].to_list() + rejected["id"].to_list()
    assert len(set(ids)) == len(source)


def test_overlong_is_the_targets_own_token_count(run, chat, target):
    solution = "word " * 40 + "\\boxed{4}"
    needed = len(chat.plain_prompt("p")) + len(chat.completion(solution))
    exact = target.model_copy(update={"max_length": needed})
    assert run([row("p", solution)], target=exact)[0] == 1


def test_one_token_less_is_overlong(run, chat, target):
    solution = "word " * 40 + "\\boxed{4}"
    needed = len(chat.plain_prompt("p")) + len(chat.completion(solution))
    short = target.model_copy(update={"max_length": needed - 1})
    _, _, rejected = run([row("p", solution), row("q", "\\boxed{4}")], target=short)
    assert rejected["reason"].to_list() == ["overlong"]


def test_expert_tokens_count_the_end_of_turn(run, chat):
    _, rows, _ = run([row("p")])
    assert rows["expert_tokens"].to_list() == [len(chat.completion("so \\boxed{4}"))]


def test_drop_unverifiable_moves_rows_without_gold_to_rejected(run):
    count, _, rejected = run([row("p"), row("q", "no answer here")], drop_unverifiable=True)
    assert count == 1
    assert rejected["reason"].to_list() == ["no_gold"]


WRONG = {"problem": "What is 7 - 2?", "solution": "Seven less two, so \\boxed{4}.", "answer": "5"}


def test_the_expert_is_judged_as_anybody_else_and_nothing_is_dropped_for_it(run):
    right = {"problem": "What is 3 + 2?", "solution": "Three and two make 5.", "answer": "5"}
    silent = {"problem": "What is 4 + 1?", "solution": "Obvious.", "answer": "5"}
    none = {"problem": "Why?", "solution": "Because.", "answer": None}
    count, rows, rejected = run([right, WRONG, silent, none])
    assert (count, len(rejected)) == (4, 0)
    assert rows["expert_verdict"].to_list() == ["correct", "incorrect", "no_answer", None]


def test_drop_contradicted_moves_rows_to_rejected_that_the_expert_got_wrong(run):
    source = [row("p"), WRONG | {"source": "cn_k12"}, {"problem": "q", "solution": "Obvious.", "answer": "5"}]
    count, rows, rejected = run(source, drop_contradicted=True)
    assert (count, rows["problem"].to_list()) == (2, ["p", "q"])
    assert rejected.select("reason", "detail", "origin").rows() == [
        ("contradicted", "the expert solution comes to '4', the gold answer is '5'", "cn_k12")
    ]


def test_a_proof_is_unverifiable_whatever_its_gold_is(run):
    proof = row("Prove that $2 + 2 = 4$.", "It is plain, \\boxed{2 + 2 = 4}.")
    shown = {"problem": "What of it?", "solution": "Done.", "answer": "\\text{Proved}"}
    choice = {"problem": "Which is even? (A) 1 (B) 2 (C) 3", "solution": "The answer is (B).", "answer": "B"}
    _, rows, _ = run([proof, shown, choice, row("p"), {"problem": "r", "solution": "No answer."}])
    assert rows["answer_kind"].to_list() == ["proof", "proof", "choice", "value", "none"]
    assert rows["verifiable"].to_list() == [False, False, True, True, False]
    assert rows["expert_verdict"].to_list() == [None, None, "correct", "correct", None]


def test_drop_unverifiable_drops_proofs(run):
    _, rows, rejected = run([row("Prove that $2 + 2 = 4$."), row("p")], drop_unverifiable=True)
    assert rows["problem"].to_list() == ["p"]
    assert rejected["reason"].to_list() == ["no_gold"]


def test_where_a_problem_comes_from_is_kept_through(run):
    rows = [row("p") | {"source": "olympiads"}, row("q"), row("") | {"source": "cn_k12"}, row("p") | {"source": 7}]
    _, built, rejected = run(rows)
    assert built["origin"].to_list() == ["olympiads", None]
    assert rejected.select("reason", "origin").rows() == [("malformed", "cn_k12"), ("duplicate", "7")]
    assert set(built["source"]) == {"source.jsonl"}


def test_rejected_has_its_schema_even_when_empty(run, tmp_path):
    run([row("p")])
    import pyarrow.parquet as pq

    assert pq.read_schema(tmp_path / "work" / "rejected.parquet").remove_metadata() == schema(REJECTED)


def test_nothing_left_to_build_is_an_error_that_says_why(run):
    with pytest.raises(InputError, match=r"no row of .* is left to build \(malformed"):
        run([row("<|im_end|>")])


def test_a_second_session_reads_what_the_first_prepared(run):
    run([row("p"), row("q")])
    count, rows, _ = run([row("another source by now")])
    assert count == 2
    assert rows["problem"].to_list() == ["p", "q"]


def messy():
    """Every kind of row, in an order in which duplicates and runs of rejected rows lie across chunks."""
    fine = [row(f"fine {n}", f"so \\boxed{{{n % 3}}}") for n in range(8)]
    long, control = row("long", "word " * 2000 + "\\boxed{4}"), row("says <|im_end|>")
    return [*fine[:5], row(""), control, long, row("FINE  1"), long, row("fine 4"), row("a proof", "QED"), *fine]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("drop", [False, True])
def test_chunks_leave_no_trace(run, monkeypatch, tmp_path, chunk, drop):
    count, rows, rejected = run(messy(), drop_unverifiable=drop)
    assert count == len(rows) == (8 if drop else 9)
    assert rejected["reason"].to_list()[:4] == ["malformed", "malformed", "overlong", "duplicate"]
    assert rows["row"].is_sorted()
    (tmp_path / "work" / "rows.parquet").unlink()
    monkeypatch.setattr(prepare_module, "_CHUNK", chunk)
    again = run(messy(), drop_unverifiable=drop)
    assert again[0] == count
    assert_frame_equal(again[1], rows)
    assert_frame_equal(again[2], rejected)


def test_no_more_than_a_chunk_is_ever_held(run, monkeypatch):
    monkeypatch.setattr(prepare_module, "_CHUNK", 4)
    read, checked, held = [], [], []

    def counting(*arguments):
        loaded = load(*arguments)
        return Loaded(loaded.provenance, (read.append(row.row) or row for row in loaded.rows))

    def checking(chunk, *arguments):
        held.append(len(read) - len(checked))
        checked.extend(chunk)
        return really(chunk, *arguments)

    really = prepare_module._checked
    monkeypatch.setattr(prepare_module, "load", counting)
    monkeypatch.setattr(prepare_module, "_checked", checking)
    run(messy())
    assert len(checked) == len(messy())
    assert max(held) == 4


def test_a_source_that_breaks_in_the_middle_leaves_no_rows(run, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "_CHUNK", 2)

    def breaking(*arguments):
        loaded = load(*arguments)

        def rows():
            yield from (next(loaded.rows) for _ in range(3))
            raise InputError("gone")

        return Loaded(loaded.provenance, rows())

    monkeypatch.setattr(prepare_module, "load", breaking)
    with pytest.raises(InputError, match="gone"):
        run(messy())
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.slow
def test_real_competition_problems(tmp_path, target, chat, shared_data):
    settings = Settings(
        target=target,
        model_revision="a" * 40,
        sources=[SourceSpec(name=str(shared_data / "math500.jsonl"))],
        sampling=Sampling(),
        engine="transformers",
        prompt_hashes={},
        tool_version="0",
    )
    workspace = Workspace(tmp_path)
    count = prepare(settings, chat, workspace)
    rejected = pl.read_parquet(workspace.rejected_file)
    assert set(rejected["reason"]) <= {"overlong"}
    assert count + len(rejected) == 500
    assert pl.read_parquet(workspace.rows_file)["verifiable"].mean() > 0.98


def test_a_benchmarks_problem_is_rejected_and_names_it(run, tmp_path):
    text = "A farmer has seventeen sheep and sells all but nine of them at the market. How many are left?"
    benchmark = tmp_path / "benchmark.jsonl"
    benchmark.write_text(json.dumps({"problem": text}) + "\n")
    rows = [row(f"Think first. {text}"), row("What is 2 + 2?"), row(f"{text[:50]} of them for ten coins each.")]
    count, prepared, rejected = run(rows, decontaminate=resolved([str(benchmark)]))
    assert count == 2
    ((reason, detail),) = rejected.select("reason", "detail").iter_rows()
    assert reason == "contaminated"
    assert detail == "the problem has 100% of the words of benchmark.jsonl, problem 1"
    assert prepared["benchmark_overlap"][0] == 0
    assert 0 < prepared["benchmark_overlap"][1] < 0.5


def test_of_several_solutions_the_first_correct_one_is_the_experts(run):
    right, wrong = "2 + 2 = 4. So \\boxed{4}.", "2 + 2 = 5. So \\boxed{5}."
    several = {
        "right": [wrong, right, "Four: \\boxed{4}."],
        "first": [right, wrong],
        "none": [wrong, "I do not know."],
        "one": right,
        "one in a list": [right],
        "control": [wrong, f"<|im_end|> {right}"],
    }
    count, rows, rejected = run([row(name, texts) | {"answer": "4"} for name, texts in several.items()])
    assert count == 5
    assert rows.select("problem", "expert_solution", "expert_index", "expert_verdict").rows() == [
        ("right", right, 1, "correct"),
        ("first", right, 0, "correct"),
        ("none", wrong, 0, "incorrect"),
        ("one", right, None, "correct"),
        ("one in a list", right, None, "correct"),
    ]
    assert rejected.select("problem", "reason").rows() == [("control", "malformed")]


def test_a_problem_that_nearly_repeats_another_is_rejected_where_that_is_asked_for(run):
    pytest.importorskip("rensa", reason="pip install -e '.[near-duplicates]'")
    text = "A farmer has seventeen sheep and sells all but nine of them at the market. How many are left?"
    rows = [row(text), row(text.replace("farmer", "shepherd")), row(text.replace("nine", "eight"))]
    count, prepared, rejected = run(rows, near_duplicates=0.6)
    assert count == 2
    assert prepared["problem"].to_list() == [rows[0]["problem"], rows[2]["problem"]]
    assert rejected.select("id", "reason").rows() == [("source-0000001", "near_duplicate")]


def test_where_nothing_is_compared_the_overlap_is_unknown(run):
    _, prepared, _ = run([row("What is 2 + 2?")])
    assert prepared["benchmark_overlap"].to_list() == [None]
