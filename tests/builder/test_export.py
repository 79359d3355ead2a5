import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from builder.errors import InputError
from builder.export import main
from builder.release.formats import messages


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
