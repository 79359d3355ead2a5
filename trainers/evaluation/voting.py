"""Which samples of a problem give the same answer, so that a majority can be counted."""

from collections.abc import Iterator, Sequence

from trainers.evaluation.grading import Answer, Grader

ABSTAINED = -1
RIGHT = 0


def answer_classes(grader: Grader, verdicts: Sequence[Sequence[str]], answers: Sequence[Sequence[Answer]]) -> list:
    """The class of each sample's answer, `[problems][samples]`.

    `RIGHT` for answers verified correct, `ABSTAINED` for samples without an answer, and for wrong ones a number from
    1: the same for two answers that the grader takes for equal. A wrong answer outside a box is a class of its own,
    because what exactly was answered is not known.
    """
    classes = [
        [RIGHT if v == "correct" else ABSTAINED if v == "no_answer" else None for v in of_problem]
        for of_problem in verdicts
    ]
    distinct = [_distinct_wrong(c, a) for c, a in zip(classes, answers, strict=True)]
    pairs = [(p, i, j) for p, texts in enumerate(distinct) for i in range(len(texts)) for j in range(i)]
    equal = grader.same([(distinct[p][i], distinct[p][j]) for p, i, j in pairs])
    leaders = [list(range(len(texts))) for texts in distinct]
    for (p, i, j), is_same in zip(pairs, equal, strict=True):
        if is_same:
            low, high = sorted((leaders[p][i], leaders[p][j]))
            leaders[p] = [low if leader == high else leader for leader in leaders[p]]
    return [
        list(_numbered(c, a, texts, of_texts))
        for c, a, texts, of_texts in zip(classes, answers, distinct, leaders, strict=True)
    ]


def _distinct_wrong(classes: Sequence[int | None], answers: Sequence[Answer]) -> list[str]:
    open_ones = (a.boxed for c, a in zip(classes, answers, strict=True) if c is None)
    return list(dict.fromkeys(text for text in open_ones if text is not None))


def _numbered(
    classes: Sequence[int | None], answers: Sequence[Answer], texts: Sequence[str], leaders: Sequence[int]
) -> Iterator[int]:
    unboxed = len(texts)
    for found, answer in zip(classes, answers, strict=True):
        if found is not None:
            yield found
        elif answer.boxed is not None:
            yield 1 + leaders[texts.index(answer.boxed)]
        else:
            unboxed += 1
            yield unboxed
