"""The gold answer of a source row: where it stands."""

import re

from builder.boxes import box_groups, closed_boxes, contents, tidy

THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def gold_of(answer: str | None, solution: str) -> str | None:
    r"""The gold answer of a source row; None if it has none.

    The answer field if it says anything, without a pair of dollars or a box around it; else the last box of
    the solution, or the last ones where several are joined ("roots are `\boxed{2}` and `\boxed{-5}`"); else the
    line that follows its last `####`, without thousands commas (GSM8K).
    """
    if bare := _unwrapped(answer or ""):
        return bare
    if groups := box_groups(solution):
        return contents(groups[-1]) or None
    _, marker, rest = solution.rpartition("####")
    return THOUSANDS.sub("", rest.strip().partition("\n")[0].strip()) or None if marker else None


def _unwrapped(answer: str) -> str:
    answer = tidy(answer)
    if len(answer) > 1 and answer[0] == answer[-1] == "$" and "$" not in answer[1:-1]:
        answer = tidy(answer[1:-1])
    boxes = closed_boxes(answer)
    if len(boxes) == 1 and (boxes[0].start, boxes[0].end) == (0, len(answer)):
        return boxes[0].content
    return answer
