import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.errors import InputError
from trainers.study.recipe import PYTHON, Stage
from trainers.study.run import RECORD, StageError, main, run, shown


def stage(path, code, name="stage", *, prints=False):
    return Stage(name, (PYTHON, "-c", code), path, prints)


def write(path, text="x"):
    return stage(path, f"open({str(path)!r}, 'a').write({text!r})")


def test_stages_run_in_order_and_are_not_run_twice(tmp_path, capsys):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    run([first, second], tmp_path)
    run([first, second], tmp_path)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "x"
    assert "done already" in capsys.readouterr().out
    assert [json.loads(line)["command"] for line in (tmp_path / RECORD).read_text().splitlines()] == [
        shown(first),
        shown(second),
    ]


def test_another_command_or_a_deleted_file_makes_a_stage_run_again(tmp_path):
    run([write(tmp_path / "a")], tmp_path)
    run([write(tmp_path / "a", "y")], tmp_path)
    assert (tmp_path / "a").read_text() == "xy"
    (tmp_path / "a").unlink()
    run([write(tmp_path / "a")], tmp_path)
    assert (tmp_path / "a").read_text() == "x"


def test_a_failure_stops_the_study_with_its_exit_code_and_the_next_run_goes_on_there(tmp_path):
    switch = tmp_path / "switch"
    code = f"import pathlib, sys; sys.exit(0 if pathlib.Path({str(switch)!r}).exists() else 3)"
    stages = [write(tmp_path / "a"), stage(tmp_path / "a", code, "train x"), write(tmp_path / "b")]
    with pytest.raises(StageError, match="stage 2 of 3, train x, failed with exit code 3") as failure:
        run(stages, tmp_path)
    assert failure.value.exit_code == 3
    assert not (tmp_path / "b").exists()
    switch.touch()
    run(stages, tmp_path)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "x"


def test_what_a_stage_prints_is_shown_and_kept_only_if_it_succeeds(tmp_path, capfd):
    with pytest.raises(StageError):
        run([stage(tmp_path / "t", "print('half'); raise SystemExit(2)", prints=True)], tmp_path)
    assert not (tmp_path / "t").exists()
    run([stage(tmp_path / "t", "print('Prüfung')", prints=True)], tmp_path)
    assert (tmp_path / "t").read_text() == "Prüfung\n"
    assert "Prüfung" in capfd.readouterr().out


def test_an_interrupt_reaches_the_stage_which_ends_in_its_own_way(tmp_path):
    code = (
        "import signal, sys, time\n"
        f"def end(*_): open({str(tmp_path / 'ended')!r}, 'w').close(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, end)\n"
        f"open({str(tmp_path / 'started')!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    driver = (
        "import sys; from pathlib import Path; from builder.machine import cli; from trainers.study.run import run\n"
        "from trainers.study.recipe import Stage\n"
        f"path = Path({str(tmp_path)!r})\n"
        f"cli.run(lambda: run([Stage('s', ('python', '-c', {code!r}), path / 'x')], path))"
    )
    child = subprocess.Popen([sys.executable, "-c", driver], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not (tmp_path / "started").exists():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"stage 1 of 1, s, was interrupted" in errors
    assert b"Traceback" not in errors
    assert (tmp_path / "ended").exists()


def test_a_dry_run_is_a_shell_script(capsys):
    assert main(["--target", "qwen2.5-math-7b", "--dry-run", "--output", "my studies"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# build D′"
    assert all(line.startswith(("# ", "python -m ")) for line in lines if line)
    assert lines[-2].endswith("> 'my studies/tables.md'")


def test_it_can_be_started_anywhere(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["--target", "qwen2.5-math-7b", "--dry-run"])
    (config,) = set(re.findall(r"--config_file (\S+)", capsys.readouterr().out))
    assert Path(config).is_file()


def test_what_cannot_be_started_is_said_at_once():
    with pytest.raises(InputError, match="the trainers have no configuration nothing"):
        main(["--target", "qwen2.5-math-7b", "--config", "nothing"])
