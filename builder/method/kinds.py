r"""What a verifier judges, and what follows from it for prompts and rules: the one place that says so.

The prompts (`prompts/plain.txt`, `prompts/guided.txt`) and the rules (`rules.py`) were written for mathematics. A rule
is only in force where it can read the text; the prompts of another kind are `prompts/plain-KIND.txt` and so on.

| kind | the response | how its answer is asked for | rules that are off |
| --- | --- | --- | --- |
| `value` | works towards a number or formula (`math`) | in `\boxed{}` | none |
| `words` | works towards a word, a name, a date (`exact`) | in a last line "Answer: ..." | of ends |
| `choice` | works towards an option (`choice`) | in a last line "Answer: X" | of ends |
| `text` | is as a whole what was asked for (`ifeval`) | not at all | of ends and steps, `addresses_asker` |
| `code` | has the program in its last fenced block (`code`) | in a block | of ends and steps, `repeats_itself` |

Rules of ends (`unreached_answer`, `unsupported_answer`, `unfounded_number`, `unused_result`) hold a calculation against
the answer, a number. Rules of steps (`contradicts_itself`, `false_step`) read equations and stated answers: a text may
be about them, and in a program `x = 1 + 2` is none. A letter says "thank you" to whoever asked for it; tables of data
repeat.

What a text says about its prompt and the expert (`echoes_prompt`, `mentions_reference`, `copies_reference`,
`relies_on_hint`) is out of place in every kind. `accept_answers` is `math`'s alone: each other verifier says in its own
file what counts as an answer.
"""

from typing import Literal, get_args

Kind = Literal["value", "words", "choice", "text", "code"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_ENDS = ("forbid_unreached", "forbid_unsupported", "forbid_unfounded", "forbid_unused")
_STEPS = (*_ENDS, "forbid_contradictions", "forbid_false_steps")

OFF: dict[Kind, tuple[str, ...]] = {
    "value": (),
    "words": _ENDS,
    "choice": _ENDS,
    "text": (*_STEPS, "forbid_talk"),
    "code": (*_STEPS, "forbid_repetition"),
}
