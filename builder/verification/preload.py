"""Imported by the fork server, so that every worker starts with math-verify loaded, warm and quiet."""

import logging

from builder.verification.grading import grade

# math-verify warns that its own time-outs are off: the pool has a better one.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)

# What is imported, and what the parser learns, at the first answer of a kind: up to 0.15 s each, once for all workers.
KINDS = (
    (r"\frac{1}{2}", r"\boxed{0.5}"),
    (r"\{1, 2\}", r"\boxed{1, 2}"),
    ("3", "The answer is 4."),
    ("3", r"\boxed{4x}"),
    ("(1, 2)", r"\boxed{(1, 3)}"),
    ("[0, 1)", r"\boxed{0 \le x < 1}"),
    (r"\frac{\sqrt{2}}{2}", r"\boxed{\frac{1}{\sqrt{2}}}"),
    ("x^2 + 1", r"\boxed{(x + 1)^2 - 2x}"),
)

for kind in KINDS:
    grade(kind)
