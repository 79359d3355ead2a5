import json
import subprocess
import sys
from pathlib import Path

import pytest

from builder.errors import EngineError, InputError
from builder.machine.cli import run
from builder.verify import main

FIELDS = ("--gold-field", "gold", "--response-field", "text", "--workers", "1", "--deadline", "30")


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verify(source: Path, *more: str) -> list[dict]:
    output = source.with_name("out.jsonl")
    assert main(["--input", str(source), "--output", str(output), *FIELDS, *more]) == 0
    return [json.loads(line) for line in output.open(encoding="utf-8")]


def test_every_row_gets_a_verdict_and_keeps_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [
        {"gold": "5", "text": r"\boxed{5}", "note": "é \u2028 \ud800"},
        {"gold": 27.0, "text": r"\boxed{27}", "note": [1, {"a": None}]},
        {"gold": 0.0000001, "text": r"\boxed{\frac{1}{10000000}}"},
        {"gold": 12, "text": r"\boxed{13}", "verdict": "correct"},
        {"gold": "Half: 1/2.\n#### 1,500", "text": "The answer is 1500."},
        {"gold": r"So \boxed{\frac{1}{2}}.", "text": r"\boxed{0.5}"},
        {"gold": "5", "text": r"\boxed{5"},
        {"gold": "", "text": r"\boxed{5}"},
    ]
    verdicts = [*["correct"] * 3, "incorrect", "correct", "correct", "no_answer", "error"]
    graded = verify(write(tmp_path / "in.jsonl", *rows))
    assert [{k: v for k, v in row.items() if k != "answer_form"} for row in graded] == [
        {**row, "verdict": verdict} for row, verdict in zip(rows, verdicts, strict=True)
    ]
    assert graded[1]["answer_form"] == "boxed"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.jsonl", "out.jsonl"]
    table = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert table == {
        "correct": "5", "incorrect": "1", "no_answer": "1", "timeout": "0", "error": "1", "total": "8"
    }  # fmt: skip


def test_the_form_of_an_answer_may_decide_and_a_repeated_question_never_counts(tmp_path: Path):
    rows = [
        {"gold": "80", "q": "What is 83 - 3?", "text": text}
        for text in (
            r"\boxed{80}",
            "The answer is 80.",
            "That makes 80",
            "What is 83 - 3?",
            r"\boxed{83 - 3}",
            "#### 80",
        )
    ]
    source = write(tmp_path / "in.jsonl", *rows)
    lax = verify(source, "--problem-field", "q")
    assert [row["answer_form"] for row in lax] == ["boxed", "stated", "trailing", None, "boxed", "hash"]
    assert [row["verdict"] for row in lax] == [*["correct"] * 3, "no_answer", "no_answer", "correct"]
    strict = verify(source, "--problem-field", "q", "--accept-answers", "stated")
    assert [row["verdict"] for row in strict] == ["correct", "correct", *["no_answer"] * 3, "correct"]
    boxed = verify(source, "--problem-field", "q", "--accept-answers", "boxed")
    assert [row["verdict"] for row in boxed] == ["correct", *["no_answer"] * 5]


def test_counts_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    verify(write(tmp_path / "in.jsonl", {"gold": "5", "text": "5"}, {"gold": "5", "text": "6"}), "--json")
    summary = json.loads(capsys.readouterr().out)
    assert (summary["rows"], summary["verifier"]) == (2, "math-verify 0.9.0")
    assert summary["verdicts"] == {"correct": 1, "incorrect": 1, "no_answer": 0, "timeout": 0, "error": 0}


def test_more_rows_than_are_graded_at_once(tmp_path: Path):
    rows = [{"gold": str(i % 3), "text": rf"\boxed{{{i % 2}}}", "id": i} for i in range(2_500)]
    graded = verify(write(tmp_path / "in.jsonl", *rows))
    assert [row["id"] for row in graded] == list(range(2_500))
    assert all((row["verdict"] == "correct") == (row["id"] % 3 == row["id"] % 2) for row in graded)


def test_empty_lines_are_no_rows(tmp_path: Path):
    source = tmp_path / "in.jsonl"
    source.write_text('\n{"gold": "5", "text": "5"}\n \n')
    assert len(verify(source)) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "5"}', r"in\.jsonl, row 2: no field 'gold' \(it has: text\)"),
        ('{"gold": "5"}', r"in\.jsonl, row 2: no field 'text' \(it has: gold\)"),
        ('{"gold": null, "text": "5"}', r"row 2: field 'gold': expected text or a number, got NoneType"),
        ('{"gold": true, "text": "5"}', r"row 2: field 'gold': expected text or a number, got bool"),
        ('{"gold": ["5"], "text": "5"}', r"row 2: field 'gold': expected text or a number, got list"),
        ('{"gold": "5", "text": 5}', r"row 2: field 'text': expected text, got int"),
        ('["5", "5"]', r"row 2: expected a JSON object, got list"),
        ('{"gold": ', r"row 2: not JSON"),
        ("[" * 100_000, r"row 2: not JSON"),
        ('{"gold": "\udcff"}', r"row 2: not JSON"),
    ],
    ids=range(10),
)
def test_a_wrong_row_is_named_and_nothing_is_written(tmp_path: Path, line: str, message: str):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"gold": "5", "text": "5"}\n' + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(InputError, match=message):
        verify(source)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_files_that_cannot_be_used_are_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"input file .*missing\.jsonl does not exist"):
        verify(tmp_path / "missing.jsonl")
    source = write(tmp_path / "in.jsonl", {"gold": "5", "text": "5"})
    for output in (tmp_path, tmp_path / "missing" / "out.jsonl"):
        with pytest.raises(InputError, match="must be a file in a folder that exists"):
            main(["--input", str(source), "--output", str(output), *FIELDS])


def test_the_command_prints_one_line_and_exits_with_2(tmp_path: Path):
    source = write(tmp_path / "in.jsonl", {"gold": "5"})
    command = [sys.executable, "-m", "builder.verify", "--input", source, "--output", tmp_path / "o", *FIELDS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {source}, row 1: no field 'text' (it has: gold)\n"


def test_help_needs_nothing_heavy():
    loaded = "import sys, builder.verify; print(*{'sympy', 'math_verify', 'torch', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("wrong", [("--workers", "0"), ("--deadline", "-1"), ("--deadline", "nan")])
def test_options_out_of_range_are_refused(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main(["--input", "i", "--output", "o", *FIELDS, *wrong])
    assert f"argument {wrong[0]}: invalid positive" in capsys.readouterr().err


def raising(error: BaseException):
    def main() -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("file x differs:\n  seed"), 2, "error: file x differs:\n  seed\n"),
        (EngineError("gone"), 3, "error: gone\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_run_turns_errors_into_their_message_and_a_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        run(raising(error))
    assert ended.value.code == code
    assert capsys.readouterr().err == text


def test_run_lets_defects_show_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)
