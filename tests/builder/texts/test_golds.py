"""The gold answer of a source row: where it stands, and of which kind it is."""

import json
from collections import Counter
from pathlib import Path

import pytest

from builder.texts.golds import answer_kind, gold_of, is_long_prose


@pytest.mark.parametrize(
    ("answer", "solution", "gold"),
    [
        ("5", r"\boxed{6}", "5"),
        (" $x+1$ ", "", "x+1"),
        (r"$(-\infty, 0)$.", "", r"(-\infty, 0)"),
        (r"$\boxed{5}$", "", "5"),
        (r"$5$ and $6$", "", r"$5$ and $6$"),
        (r"\boxed{5} cm", "", r"\boxed{5} cm"),
        ("  ", r"so \boxed{6}", "6"),
        ("$$", r"so \boxed{6}", "6"),
        (None, r"\boxed{5} or rather \boxed{6}", "6"),
        (None, r"roots are $\boxed{2}$ and $\boxed{-5}$.", "2, -5"),
        (None, r"\boxed{4} then \boxed{ \sqrt{2} }", r"\sqrt{2}"),
        (None, r"\boxed{4} then \boxed{ }", None),
        (None, "Sum: 1,000\n#### 1,234,567\n", "1234567"),
        (None, "#### 1\n#### 2\nand more", "2"),
        (None, r"\boxed{7} #### 8", "7"),
        (None, "no answer here", None),
        (None, "#### ", None),
        (None, r"\boxed{5", None),
    ],
)
def test_gold_of(answer: str | None, solution: str, gold: str | None):
    assert gold_of(answer, solution) == gold


OPTIONS = r"What is $7 + 5$? $\textbf{(A)}\ 2 \qquad\textbf{(B)}\ 12 \qquad\textbf{(C)}\ 35$"


@pytest.mark.parametrize(
    ("gold", "problem", "kind"),
    [
        ("5", "What is it?", "value"),
        (None, "What is it?", "none"),
        ("  ", "What is it?", "none"),
        ("B", OPTIONS, "choice"),
        (r"\textbf{(B)}\ 12", OPTIONS, "choice"),
        (r"\text{(B)}", "Which? (A) a line\n(B) a circle", "choice"),
        ("B. 12", "Which? A. 2 B. 12", "choice"),
        ("b", "Which? A) 2 B) 12", "choice"),
        ("D", r"$(\mathrm{A})\ 1 (\mathrm{B})\ 2 (\mathrm{C})\ 3 (\mathrm {D})\ 4$", "choice"),
        ("12", OPTIONS, "value"),
        ("D", OPTIONS, "value"),
        ("B", "Which vertex is nearest to A?", "value"),
        ("A(1, 2)", OPTIONS, "value"),
        ("BC = 5", OPTIONS, "value"),
        ("C_1 + 2", OPTIONS, "value"),
        (r"\text{Proved}", "x", "proof"),
        (r"\blacksquare", "x", "proof"),
        ("Q.E.D.", "x", "proof"),
        (r"\text{The statement is true}", "x", "proof"),
        (r"\text{The result is 5}", "x", "value"),
        (r"\square ABCD", "x", "value"),
        (r"\text{True}", "Is it so?", "value"),
        ("a^2 + b^2 \\ge 2ab", "Let $a, b$ be real. Prove that $a^2 + b^2 \\ge 2ab$.", "proof"),
        (None, "Show that it is prime.", "proof"),
        ("7", "Show that it is prime, and find the next prime.", "value"),
        ("7", "Prove that it is prime. What is the next prime?", "value"),
        ("7", "Show your work.", "value"),
        (r"\text{Yes}", "Is it prime? Prove it.", "value"),
    ],
)
def test_answer_kind(gold: str | None, problem: str, kind: str):
    assert answer_kind(gold, problem) == kind


def test_kinds_of_real_rows(shared_data: Path):
    def kinds(name: str, problem: str, answer: str) -> Counter[str]:
        rows = map(json.loads, (shared_data / name).read_text(encoding="utf-8").splitlines())
        golds = ((str(row[answer]), row) for row in rows)
        return Counter(answer_kind(gold_of(None, gold) or gold, row[problem]) for gold, row in golds)

    assert kinds("math500.jsonl", "problem", "answer") == {"value": 497, "choice": 3}
    assert kinds("gsm8k_train.jsonl", "question", "answer") == {"value": 7473}
    assert kinds("minerva_math.jsonl", "problem", "solution") == {"value": 272}
    assert kinds("olympiadbench.jsonl", "question", "final_answer") == {"value": 675}


def test_a_sentence_is_told_from_a_value_with_words():
    assert is_long_prose(r"\text{Every even integer larger than two is such a sum}")
    assert not is_long_prose(r"5 \text{ miles per hour}")
