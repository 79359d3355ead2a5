r"""Inequalities in one variable that math-verify does not read as sets: joined by "or", with `\ne`, in set-builder."""

import re

MOST_CHARACTERS = 1_000

_REAL = r"\\(?:mathbb|mathbf|bf|Bbb)\s?(?:\{\s*R\s*\}|R)|\\R(?:eals)?(?![A-Za-z])|ℝ"
_VARIABLE = r"[A-Za-z]|\\(?:alpha|beta|theta|lambda|mu|phi)(?![A-Za-z])"
_BUILDER = re.compile(
    rf"(?:\\left\s*)?\\\{{\s*(?P<name>{_VARIABLE})\s*(?:\\in\s*(?:{_REAL})\s*)?"
    r"(?:\\[ ,;:!]\s*)*(?:\\middle\s*)?(?:\||\\mid(?![A-Za-z])|\\vert(?![A-Za-z])|:|\\colon(?![A-Za-z]))"
    r"(?:\s|\\[ ,;:!])*(?P<condition>.*?)"
    r"(?:\\right\s*)?\\\}",
    re.DOTALL,
)
_SPACE = r"(?:\\q?quad|\s|\\[,;:! ])"
_OR = re.compile(
    rf"{_SPACE}{{0,4}}(?:\\(?:text|mbox|textrm|mathrm)\s?\{{\s*or\s*\}}|\\(?:lor|vee)(?![A-Za-z])|\bor\b){_SPACE}*+"
)
_RELATION = re.compile(
    r"(\\(?:leqslant|leqq|leq|le|lt|geqslant|geqq|geq|ge|gt|neq|ne)(?![A-Za-z])|\\not\s?=|<=|>=|[<>≤≥≠])"
)
_SIGNS = {"<": "<", "lt": "<", ">": ">", "gt": ">", "ne": "≠", "neq": "≠", "not=": "≠", "≠": "≠"}
_SPLITS = re.compile(r"[,;|]|\\text|\\in(?![A-Za-z])|\\[{}]|=")


def solution_set(content: str) -> str | None:
    r"""The set that an "or", a `\ne` or a set-builder describes, as a union of intervals; None if it is none of these.

    A single inequality and a chain stay as they are: math-verify compares them with intervals itself, and minds the
    name of the variable.
    """
    if len(content) > MOST_CHARACTERS:
        return None
    if builder := _BUILDER.fullmatch(content.strip()):
        return _union(builder["condition"], builder["name"])
    parts = _OR.split(content)
    if len(parts) == 1 and not ("\\n" in content or "≠" in content):
        return None
    name = _name(parts[0])
    if name is None or (len(parts) == 1 and "≠" not in map(_sign, _RELATION.findall(content))):
        return None
    return _union(content, name)


def variable(content: str) -> str | None:
    """The variable of inequalities that are joined by "or"; None for anything else, such as set-builder."""
    if not solution_set(content) or _BUILDER.fullmatch(content.strip()):
        return None
    return _name(_OR.split(content)[0])


def _union(condition: str, name: str) -> str | None:
    intervals = [_interval(part.strip(), name) for part in _OR.split(condition)]
    return r" \cup ".join(filter(None, intervals)) if all(intervals) else None


def _interval(part: str, name: str) -> str | None:
    """One inequality, or a chain of two, in the named variable."""
    sides = [side.strip() for side in _RELATION.split(part)]
    terms, signs = sides[::2], [_sign(sign) for sign in sides[1::2]]
    bounds = [term for term in terms if term != name]
    if len(bounds) != len(terms) - 1 or any(not _is_bound(bound, name) for bound in bounds):
        return None
    if len(terms) == 2:
        return _half_line(bounds[0], signs[0] if terms[0] == name else _flipped(signs[0]))
    if len(terms) != 3 or terms[1] != name or {sign[0] for sign in signs} not in ({"<"}, {">"}):
        return None
    if signs[0][0] == ">":
        bounds, signs = bounds[::-1], [_flipped(sign) for sign in reversed(signs)]
    left, right = ("[" if signs[0] == "<=" else "("), ("]" if signs[1] == "<=" else ")")
    return f"{left}{bounds[0]}, {bounds[1]}{right}"


def _half_line(bound: str, sign: str) -> str:
    if sign == "≠":
        return rf"(-\infty, {bound}) \cup ({bound}, \infty)"
    if sign[0] == "<":
        return rf"(-\infty, {bound}{']' if sign == '<=' else ')'}"
    return rf"{'[' if sign == '>=' else '('}{bound}, \infty)"


def _is_bound(term: str, name: str) -> bool:
    """Whether it may be a number: not empty, not a list, and without the variable."""
    return bool(term) and not _SPLITS.search(term) and not re.search(rf"(?<![\\A-Za-z]){re.escape(name)}(?!\w)", term)


def _name(part: str) -> str | None:
    """The variable of an inequality: the only side that is a letter."""
    terms = [term.strip() for term in _RELATION.split(part)[::2]]
    names = [term for term in terms if re.fullmatch(_VARIABLE, term)]
    return names[0] if len(terms) > 1 and len(names) == 1 else None


def _sign(command: str) -> str:
    bare = re.sub(r"[\\\s]", "", command)
    return _SIGNS.get(bare) or ("<=" if bare[0] in "l<≤" else ">=")


def _flipped(sign: str) -> str:
    return sign.translate(str.maketrans("<>", "><"))
