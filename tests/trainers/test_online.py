"""Online rewriting: which rows a round takes, from which release, for which model; and two rounds for real."""

import json
import re

import pytest

from builder.errors import InputError
from builder.release.open import open_release
from trainers.online import main


def planned(capsys, release, output, *arguments):
    """The commands of a dry run, without what stands in all of them."""
    assert (
        main(
            ["--dataset", str(release), "--loss", "dft", "--output", str(output), "--dry-run", "--use-cpu", *arguments]
        )
        == 0
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("python -m ")]
    return [line.replace(f"{output}/", "").replace(str(release), "RELEASE") for line in lines]


def test_a_round_is_rewritten_for_the_model_that_the_last_one_left(release, tmp_path, capsys):
    first, rewrite, second, again, _ = planned(capsys, release, tmp_path, "--rounds", "3", "--learning-rate", "1e-6")
    assert "--dataset RELEASE --output round-1/run" in first
    assert rewrite.startswith("python -m builder.realign RELEASE --target round-1/run --engine auto")
    assert again.startswith("python -m builder.realign round-2/d-prime --target round-2/run")
    assert "--dataset round-2/d-prime --model round-1/run --output round-2/run" in second
    assert all("--learning-rate 1e-6" in line for line in (first, second))


def test_rounds_of_some_rows_go_through_all_and_begin_again(release, tmp_path, capsys):
    arguments = ("--rounds", "4", "--round-rows", "8", "--min-ess", "0.7")
    lines = [line for line in planned(capsys, release, tmp_path, *arguments) if "realign" in line]
    found = [
        re.search(r"realign (\S+) --target (\S+)(?: --rows (\S+))? --min-ess 0.7", line).groups() for line in lines
    ]
    assert found == [
        ("RELEASE", "target.yaml", "0:8"),
        ("RELEASE", "round-1/run", "8:16"),
        ("RELEASE", "round-2/run", "16:20"),
        ("round-1/d-prime", "round-3/run", None),
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--rounds", "0"), "--rounds and --round-rows: one or more"),
        (("--rounds", "2", "--batch-size", "0"), "--batch-size"),
        (("--rounds", "2", "--loss", "dtf"), "dtf"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_first_round(release, tmp_path, wrong, said):
    with pytest.raises(InputError, match=said):
        main(["--dataset", str(release), "--loss", "dft", "--output", str(tmp_path / "o"), "--use-cpu", *wrong])
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_two_rounds_train_one_model_on_what_each_has_written(release, tmp_path, capfd):
    output = tmp_path / "online"
    rounds = ["--rounds", "2", "--round-rows", "4", "--engine", "transformers", "--output", str(output)]
    command = ["--dataset", str(release), "--loss", "sft", *rounds, "--use-cpu", "--batch-size", "2"]
    assert main(command) == 0
    releases = [open_release(str(output / f"round-{n}" / "d-prime")) for n in (1, 2)]
    ids = [
        one.scan("default").select("id").collect()["id"].to_list() for one in (open_release(str(release)), *releases)
    ]
    assert ids[0][:8] == ids[1] + ids[2]
    assert releases[0].manifest["target"]["revision"] != releases[1].manifest["target"]["revision"]
    facts = json.loads((output / "round-2" / "run" / "run.json").read_text())
    assert facts["target"]["model"] == str(output / "round-1" / "run")
    assert list((output / "round-2" / "run").glob("*.safetensors"))
    said = capfd.readouterr().out
    assert re.search(r"^2\s+4\s", said, re.MULTILINE)
    assert main(command) == 0
    assert capfd.readouterr().out.count("done already") == 4
