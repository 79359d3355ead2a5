"""What people wrote, from the folder of real problem files: no rule about texts may take it for something else."""

from pathlib import Path

from scripts.texts import read_texts

_SOLUTIONS = {
    "gsm8k_train": "answer",
    "math500": "solution",
    "minerva_math": "solution",
    "olympiadbench": "solution",
    "aime24": "solution",
}
_PROBLEMS = dict.fromkeys(_SOLUTIONS, "question") | {"math500": "problem", "minerva_math": "problem"}


def expert_texts(folder: Path) -> list[str]:
    """About 9,000 solutions, without GSM8K's `<<...>>`."""
    return _read(folder, _SOLUTIONS)


def expert_problems(folder: Path) -> list[str]:
    """The problems to them, which a solution may restate."""
    return _read(folder, _PROBLEMS)


def _read(folder: Path, fields: dict[str, str]) -> list[str]:
    return [text for name, field in fields.items() for text in read_texts(folder / f"{name}.jsonl", field)]
