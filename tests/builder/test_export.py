import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from builder.errors import InputError
from builder.export import main
from builder.release.formats import messages
from builder.reselect import main as reselect
from tests.drawn_build import EXPERT, Drawn, Task, drawn_build


def rows_of(release):
    return pq.read_table(release / "data" / "default" / "train-00000.parquet").to_pylist()


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_messages(first_release, tmp_path, capsys):
    assert main([str(first_release), "--format", "messages", "--output", str(tmp_path / "out")]) == 0
    assert "3 rows" in capsys.readouterr().out
    exported = lines(tmp_path / "out" / "train.jsonl")
    turns = [row["messages"] for row in exported]
    assert [[dict(t, train=None) for t in row] for row in turns] == [
        [dict(t, train=None) for t in r["prompt"] + r["completion"]] for r in rows_of(first_release)
    ]
    for row in turns:  # the examples of this target are earlier turns
        assert [turn["train"] for turn in row] == [False] * (len(row) - 1) + [True]
    assert [row["id"] for row in exported] == ["made-up-0", "made-up-1", "made-up-2"]


def test_messages_without_examples_are_plain():
    row = {"id": "1", "stage": "fallback", "prompt": [{"role": "user", "content": "1 + 1?"}]}
    turns = messages(row | {"completion": [{"role": "assistant", "content": "2"}]})["messages"]
    assert turns == [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]


def test_sharegpt_is_a_dataset_directory_of_llama_factory(first_release, tmp_path):
    main([str(first_release), "--format", "sharegpt", "--output", str(tmp_path / "out")])
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())["d_prime"]
    assert info["formatting"] == "sharegpt"
    for row, exported in zip(rows_of(first_release), lines(tmp_path / "out" / info["file_name"]), strict=True):
        turns = exported[info["columns"]["messages"]]
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
        assert [turn["value"] for turn in turns] == [t["content"] for t in row["prompt"] + row["completion"]]


def test_verl(first_release, tmp_path):
    main([str(first_release), "--format", "verl", "--output", str(tmp_path / "out")])
    exported = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    for row, found in zip(rows_of(first_release), exported, strict=True):
        assert found["messages"] == row["prompt"] + row["completion"]
        assert found["prompt"] == row["prompt"]
        assert found["reward_model"] == {"style": "rule", "ground_truth": row["answer"]}
        assert found["extra_info"]["stage"] == row["stage"]


def test_chosen_stages_alone(first_release, tmp_path):
    arguments = [str(first_release), "--format", "messages", "--stages", "self_alignment", "guided_alignment"]
    main([*arguments, "--output", str(tmp_path / "out")])
    assert [row["stage"] for row in lines(tmp_path / "out" / "train.jsonl")] == ["self_alignment", "guided_alignment"]


def test_an_existing_output_is_left_alone_and_nothing_half_is_written(first_release, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="exists already"):
        main([str(first_release), "--format", "messages", "--output", str(tmp_path / "mine")])
    assert [f.name for f in tmp_path.iterdir()] == ["mine"]


def test_help_names_the_formats_and_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-m", "builder.export", "--help"], capture_output=True, text=True, check=True
    )
    assert "LLaMA-Factory" in done.stdout
    code = "import builder.export, sys; print({'torch', 'datasets', 'polars', 'huggingface_hub'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, chat, target):
    """Solved with two wrong answers, one far longer; retold beside a wrong one; solved without; nothing drawn."""
    long = "no, no and once more no, it must be after all that counting \\boxed{8}"
    tasks = [
        Task([Drawn(long, False), Drawn("so \\boxed{7}"), Drawn("so \\boxed{8}", False), Drawn("it is \\boxed{7}")]),
        Task([Drawn("it is \\boxed{9}", False)], [Drawn("clearly \\boxed{7}"), Drawn("retold \\boxed{6}", False)]),
        Task([Drawn("just \\boxed{7}")]),
        Task(),
    ]
    return drawn_build(tmp_path_factory.mktemp("drawn") / "release", chat, target, tasks)


def content(turns):
    (turn,) = turns
    assert turn["role"] == "assistant"
    return turn["content"]


def test_preferences_set_the_kept_text_against_the_nearest_wrong_one_of_its_own(drawn, tmp_path, capsys):
    main([str(drawn), "--format", "dpo", "--output", str(tmp_path / "dpo")])
    assert "2 rows without a wrong answer to set against are left out" in capsys.readouterr().out
    kept = {row["id"]: row for row in rows_of(drawn)}
    pairs = lines(tmp_path / "dpo" / "train.jsonl")
    assert [(row["id"], content(row["rejected"])) for row in pairs] == [
        ("made-up-0", "so \\boxed{8}"),
        ("made-up-1", "it is \\boxed{9}"),
    ]
    for row in pairs:
        assert row["chosen"] == kept[row["id"]]["completion"]
        assert row["prompt"] == kept[row["id"]]["prompt"]
    main([str(drawn), "--format", "kto", "--output", str(tmp_path / "kto")])
    said = lines(tmp_path / "kto" / "train.jsonl")
    assert [row["label"] for row in said] == [True, False, True, False, True, True]
    assert {content(row["completion"]) for row in said if not row["label"]} == {"so \\boxed{8}", "it is \\boxed{9}"}


def test_rows_of_a_selection_find_the_candidates_of_their_problems(drawn, tmp_path):
    reselect([str(drawn), "--policy", "uniform", "--keep", "2", "--pass-rate", "0", "0.5",
              "--output", str(tmp_path / "two")])  # fmt: skip
    main([str(tmp_path / "two"), "--format", "dpo", "--output", str(tmp_path / "dpo")])
    found = [(row["id"], content(row["rejected"])) for row in lines(tmp_path / "dpo" / "train.jsonl")]
    assert found == [
        ("made-up-0", "so \\boxed{8}"),
        ("made-up-0#2", "so \\boxed{8}"),
        ("made-up-1", "it is \\boxed{9}"),
    ]


def test_self_distillation_shows_the_teacher_the_experts_solution(drawn, tmp_path):
    main([str(drawn), "--format", "sdft", "--output", str(tmp_path / "out")])
    assert {row["privileged_context"] for row in lines(tmp_path / "out" / "train.jsonl")} == {EXPERT}


def test_token_ids_are_those_of_the_release_and_the_prompt_is_not_learned(drawn, tmp_path):
    tokens = pq.read_table(drawn / "data" / "tokens").to_pylist()
    for form in ("tokenized", "skyrl"):
        main([str(drawn), "--format", form, "--output", str(tmp_path / form)])
    labelled, masked = (pq.read_table(tmp_path / form / "train.parquet") for form in ("tokenized", "skyrl"))
    assert labelled.column_names == ["input_ids", "attention_mask", "labels"]
    assert masked.column_names == ["input_ids", "loss_mask"]
    for row, one, other in zip(tokens, labelled.to_pylist(), masked.to_pylist(), strict=True):
        assert one["input_ids"] == other["input_ids"] == row["prompt_ids"] + row["completion_ids"]
        assert [label for label in one["labels"] if label != -100] == row["completion_ids"]
        assert one["attention_mask"] == [1] * len(one["labels"])
        assert other["loss_mask"] == [int(label != -100) for label in one["labels"]]
