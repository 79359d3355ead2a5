r"""The boxes of a text, `\boxed{...}` and its kin: pure functions, linear in its length, whatever the text is."""

import re
from dataclasses import dataclass

_BOX = r"\\(?:boxed|fbox|framebox)"
# Reading from the left tells an escaped brace from a line break before a real one. A line break leaves its
# second backslash to a box command, because models also write `\\boxed`.
_TOKEN = re.compile(rf"(?P<box>{_BOX}\s*+\{{)|\\[{{}}]|\\\\(?!boxed|fbox|framebox)|[{{}}]")
_ANY_BOX = re.compile(_BOX)
_BETWEEN_BOXES = re.compile(r"(?:[\s,;$]|\\[()\[\],;\s]|\\q?quad|(?:\\text\s*\{\s*)?(?:and|or)(?:\s*\})?)*+")
_FULL_STOP = re.compile(r"(?<!\.)(?<!\\right)\.\Z")


@dataclass(frozen=True)
class Box:
    """A closed box: `text[start:end]` is the command with its braces."""

    start: int
    end: int
    content: str


def closed_boxes(text: str) -> list[Box]:
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
    return [Box(start, end, tidy(text[content : end - 1])) for start, content, end in spans]


def box_groups(text: str) -> list[list[Box]]:
    """The closed boxes, those in one list that are joined only by whitespace, commas, "and" or "or"."""
    groups: list[list[Box]] = []
    for box in closed_boxes(text):
        if groups and _BETWEEN_BOXES.fullmatch(text, groups[-1][-1].end, box.start):
            groups[-1].append(box)
        else:
            groups.append([box])
    return groups


def contents(group: list[Box]) -> str:
    """The values of a group of boxes, joined by commas; one that is repeated counts once."""
    return ", ".join(dict.fromkeys(box.content for box in group))


def boxed_answer(text: str) -> str | None:
    r"""The snippet that is graded: the last closed `\boxed{...}`; None if no box is closed.

    Boxes that end there and are joined only by whitespace, commas, "and" or "or" are one answer with several
    values, and come back in one box: `\boxed{12} and \boxed{345}` gives `\boxed{12, 345}`. (Left apart,
    math-verify 0.9.0 would glue them together to the number 12,345.) A value that is repeated counts once.
    `\fbox` and `\framebox` are boxes too.
    """
    groups = box_groups(text)
    return boxed(contents(groups[-1])) if groups else None


def boxed(content: str) -> str:
    """An answer in a box, as the verifier reads it."""
    return rf"\boxed{{{content}}}"


def unboxed(snippet: str) -> str:
    """The content of what `boxed` made."""
    return snippet.removeprefix(r"\boxed{").removesuffix("}")


def opens_box(text: str) -> bool:
    """Whether a box begins anywhere in the text, closed or not."""
    return _ANY_BOX.search(text) is not None


def tidy(content: str) -> str:
    """Without space around, and without the full stop of the sentence (math-verify cannot read `104.`)."""
    return _FULL_STOP.sub("", content.strip()).strip()
