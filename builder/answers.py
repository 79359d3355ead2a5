"""Where the answer stands in a text: pure functions, linear in its length, whatever the text is."""

import re
from dataclasses import dataclass

TAIL_CHARACTERS = 4_000

_BOX = r"\\(?:boxed|fbox|framebox)"
# Reading from the left tells an escaped brace from a line break before a real one. A line break leaves its
# second backslash to a box command, because models also write `\\boxed`.
_TOKEN = re.compile(rf"(?P<box>{_BOX}\s*+\{{)|\\[{{}}]|\\\\(?!boxed|fbox|framebox)|[{{}}]")
_ANY_BOX = re.compile(_BOX)
_BETWEEN_BOXES = re.compile(r"(?:[\s,;$]|\\[()\[\],;\s]|\\q?quad|(?:\\text\s*\{\s*)?(?:and|or)(?:\s*\})?)*+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?%?")
_FULL_STOP = re.compile(r"(?<!\.)(?<!\\right)\.\Z")


@dataclass(frozen=True)
class _Box:
    """A closed box: `text[start:end]` is the command with its braces."""

    start: int
    end: int
    content: str


def boxed_answer(text: str) -> str | None:
    r"""The snippet that is graded: the last closed `\boxed{...}`; None if no box is closed.

    Boxes that end there and are joined only by whitespace, commas, "and" or "or" are one answer with several
    values, and come back in one box: `\boxed{12} and \boxed{345}` gives `\boxed{12, 345}`. (Left apart,
    math-verify 0.9.0 would glue them together to the number 12,345.) A value that is repeated counts once.
    `\fbox` and `\framebox` are boxes too.
    """
    boxes = _closed_boxes(text)
    if not boxes:
        return None
    first = len(boxes) - 1
    while first and _BETWEEN_BOXES.fullmatch(text, boxes[first - 1].end, boxes[first].start):
        first -= 1
    values = dict.fromkeys(box.content for box in boxes[first:])
    return rf"\boxed{{{', '.join(values)}}}"


def last_box(text: str) -> str | None:
    """Content of the last closed box, tidied up; None if there is none or it is empty."""
    boxes = _closed_boxes(text)
    return (boxes[-1].content or None) if boxes else None


def gold_of(answer: str | None, solution: str) -> str | None:
    r"""The gold answer of a source row; None if it has none.

    The answer field if it says anything, without a pair of dollars or a box around it; else the last box of
    the solution; else the line that follows its last `####`, without thousands commas (GSM8K).
    """
    if bare := _unwrapped(answer or ""):
        return bare
    if box := last_box(solution):
        return box
    _, marker, rest = solution.rpartition("####")
    return _THOUSANDS.sub("", rest.strip().partition("\n")[0].strip()) or None if marker else None


def graded_text(response: str) -> str:
    r"""What the verifier is shown of a response, and what its cache is keyed by.

    The boxed answer if there is one. An answer whose box never closes is no answer: nothing is shown, so that
    it cannot be right by accident. Without any box, a number behind `####` at the very end is the answer
    (math-verify would prefer what stands beside the word "answer" anywhere in the text). Failing that, the
    last 4,000 characters are shown: math-verify looks for "the answer is ..." itself.
    """
    if box := boxed_answer(response):
        return box
    if _ANY_BOX.search(response):
        return ""
    _, marker, rest = response[-TAIL_CHARACTERS:].rpartition("####")
    if marker and _NUMBER.fullmatch(rest.strip()):
        return rf"\boxed{{{_THOUSANDS.sub('', rest.strip())}}}"
    return response[-TAIL_CHARACTERS:].strip()


def _unwrapped(answer: str) -> str:
    answer = _tidy(answer)
    if len(answer) > 1 and answer[0] == answer[-1] == "$" and "$" not in answer[1:-1]:
        answer = _tidy(answer[1:-1])
    boxes = _closed_boxes(answer)
    if len(boxes) == 1 and (boxes[0].start, boxes[0].end) == (0, len(answer)):
        return boxes[0].content
    return answer


def _closed_boxes(text: str) -> list[_Box]:
    """The closed boxes in order, without those inside another closed box."""
    spans: list[tuple[int, int, int]] = []
    open_braces: list[tuple[int, int] | None] = []
    for token in _TOKEN.finditer(text):
        if token["box"]:
            open_braces.append(token.span())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            opened = open_braces.pop()
            if opened is not None:
                start, content = opened
                while spans and spans[-1][0] > start:
                    spans.pop()
                spans.append((start, content, token.end()))
    return [_Box(start, end, _tidy(text[content : end - 1])) for start, content, end in spans]


def _tidy(content: str) -> str:
    """Without space around, and without the full stop of the sentence (math-verify cannot read `104.`)."""
    return _FULL_STOP.sub("", content.strip()).strip()
