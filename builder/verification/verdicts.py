"""What is judged, and what is said about it."""

from typing import Literal, NamedTuple

from builder.texts.answers import AnswerForm

Verdict = Literal["correct", "incorrect", "no_answer", "timeout", "error"]


class Response(NamedTuple):
    """A text in response to a problem, to be judged against the gold answer."""

    gold: str
    text: str
    problem: str = ""


class Judgement(NamedTuple):
    """A verdict, and how the answer that it is about is stated; None if there is no answer."""

    verdict: Verdict
    answer_form: AnswerForm | None
