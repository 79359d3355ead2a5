"""How solutions are written: the policy's own plain way, and eight foreign ones with the very same steps."""

from collections.abc import Callable

from trainers.study.controlled.problems import Problem

Style = Callable[[Problem], str]

_WORDS = {
    "+": "the sum of {0} and {1}",
    "-": "{0} less {1}",
    "*": "the product of {0} and {1}",
    "/": "{0} divided by {1}",
}
_TEX = {"+": "+", "-": "-", "*": r"\times", "/": r"\div"}


def house(p: Problem) -> str:
    """The policy's own way, which its warm-up taught it."""
    return " ".join(f"{step.equation}." for step in p.steps) + f" The answer is {_boxed(p)}."


def textbook(p: Problem) -> str:
    """LaTeX, impersonal."""
    lines = [f"we obtain ${s.left} {_TEX[s.operator]} {s.right} = {s.result}$ {s.found}" for s in p.steps]
    return (
        f"Let us denote the sought quantity by $x$. First {lines[0]}; consequently {lines[1]}. Thus $x = {_boxed(p)}$."
    )


def chatty(p: Problem) -> str:
    """A talkative friend."""
    first, second = p.steps
    return (
        f"Okay, so this one is actually pretty fun! Grab the numbers and off we go: {first.equation}, sweet, those are "
        f"the {first.found}. Almost there... {second.equation}. Boom, {second.found}! So yeah, {_boxed(p)} it is."
    )


def bullets(p: Problem) -> str:
    """Markdown with headings."""
    lines = [f"* **Step {n}** ({s.found}): `{s.equation}`" for n, s in enumerate(p.steps, 1)]
    return "### Solution\n\n" + "\n".join(lines) + f"\n\n### Final answer\n\n{_boxed(p)}"


def solemn(p: Problem) -> str:
    """An old treatise."""
    first, second = (_WORDS[s.operator].format(s.left, s.right) for s in p.steps)
    a, b = p.steps
    return (
        f"It behoves the diligent reader to observe that {first} amounts to {a.result}, being the {a.found}; whereupon "
        f"{second} is seen to amount to {b.result}, which are the {b.found}, so that all is settled by {_boxed(p)}."
    )


def code(p: Problem) -> str:
    """A listing."""
    lines = [f"v{n} = {s.left} {s.operator} {s.right}  # {s.result} {s.found}" for n, s in enumerate(p.steps, 1)]
    return "```python\n" + "\n".join(lines) + f"\nprint(v{len(lines)})\n```\nOutput: {_boxed(p)}"


def dialogue(p: Problem) -> str:
    """Question and answer."""
    first, second = p.steps
    return (
        f"TEACHER: What do we find first? PUPIL: The {first.found}, because {first.equation}. TEACHER: Go on! PUPIL: "
        f"{second.equation}, and these are the {second.found}. TEACHER: Therefore? PUPIL: {_boxed(p)}, professor."
    )


def telegram(p: Problem) -> str:
    """As few words as can be."""
    return " STOP ".join(f"{s.found.upper()} {s.equation}" for s in p.steps) + f" STOP RESULT {_boxed(p)} STOP"


def ledger(p: Problem) -> str:
    """A table."""
    lines = [f"| {n} | {s.found} | {s.left} {s.operator} {s.right} | {s.result} |" for n, s in enumerate(p.steps, 1)]
    head = "| no. | item | computation | value |\n|---|---|---|---|"
    return f"{head}\n" + "\n".join(lines) + f"\n\nBalance carried forward: {_boxed(p)}"


FOREIGN: tuple[Style, ...] = (textbook, chatty, bullets, solemn, code, dialogue, telegram, ledger)


def _boxed(p: Problem) -> str:
    return rf"\boxed{{{p.answer}}}"
