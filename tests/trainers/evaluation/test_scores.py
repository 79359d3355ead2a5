import pytest

from trainers.evaluation.grading import Answer
from trainers.evaluation.scores import average, score
from trainers.evaluation.voting import ABSTAINED, RIGHT, answer_classes


class Equal:
    """Takes answers for equal that are the same but for case; remembers what it was asked."""

    def same(self, pairs):
        self.asked = list(pairs)
        return [a.casefold() == b.casefold() for a, b in pairs]


def answers(*boxed):
    return [Answer(text or "it is 3", "boxed" if text else "trailing", text, None) for text in boxed]


def test_equal_wrong_answers_share_a_class_and_unboxed_ones_stand_alone():
    grader = Equal()
    verdicts = [["correct", "incorrect", "incorrect", "incorrect", "error", "incorrect", "incorrect", "no_answer"]]
    given = [answers("r", "x", "X", "y", "x", None, None, None)]
    (classes,) = answer_classes(grader, verdicts, given)
    assert classes[0] == RIGHT
    assert classes[7] == ABSTAINED
    assert classes[1] == classes[2] == classes[4]
    assert len({classes[1], classes[3], classes[5], classes[6], RIGHT, ABSTAINED}) == 6
    assert sorted(grader.asked) == [("X", "x"), ("y", "X"), ("y", "x")]  # each pair of distinct texts once


def test_the_figures_of_a_benchmark():
    figures = score(
        [["correct", "incorrect"], ["no_answer", "timeout"], ["correct", "correct"]],
        [[0, 1], [-1, 1], [0, 0]],
        [["boxed", "boxed"], [None, "boxed"], ["boxed", "trailing"]],
        [["stop", "length"], ["no_room", "no_room"], ["stop", "stop"]],
        [[10, 20], [0, 0], [30, 60]],
    )
    assert figures["accuracy"] == pytest.approx(0.5)
    assert figures["stderr"] == pytest.approx((0.25 / 3) ** 0.5)
    assert figures["strict_accuracy"] == pytest.approx(2 / 6)  # one right number is merely trailing
    assert figures["answer_forms"] == {"boxed": 4, "hash": 0, "stated": 0, "trailing": 1}
    assert figures["pass_at"] == pytest.approx({"1": 0.5, "2": 2 / 3})
    assert figures["pass_at_stderr"] == pytest.approx({"1": (0.25 / 3) ** 0.5, "2": 1 / 3})
    assert figures["majority_at"] == pytest.approx({"1": 0.5, "2": 0.5})  # the first problem is a tie
    assert figures["truncated"] == pytest.approx(1 / 6)
    assert figures["boxed"] == pytest.approx(4 / 6)
    assert figures["no_answer"] == pytest.approx(1 / 6)
    assert figures["tokens_per_answer"] == pytest.approx(20)
    assert (figures["verdict_errors"], figures["no_room"]) == (1, 1)
    assert figures["verdicts"] == {"correct": 3, "incorrect": 1, "no_answer": 1, "timeout": 1, "error": 0}


def test_the_average_does_not_weigh_by_size():
    large = score([["correct"]] * 9 + [["incorrect"]], [[0]] * 9 + [[1]], [["boxed"]] * 10, [["stop"]] * 10, [[4]] * 10)
    small = score([["incorrect"]] * 2, [[1]] * 2, [["boxed"]] * 2, [["length"]] * 2, [[8]] * 2)
    averaged = average({"large": large, "small": small})
    assert averaged["accuracy"] == pytest.approx(0.45)
    assert averaged["pass_at"] == pytest.approx({"1": 0.45})
    assert averaged["pass_at_stderr"] == pytest.approx({"1": large["stderr"] / 2})
    assert (averaged["truncated"], averaged["tokens_per_answer"]) == pytest.approx((0.5, 6))
    assert averaged["stderr"] == pytest.approx(large["stderr"] / 2)
