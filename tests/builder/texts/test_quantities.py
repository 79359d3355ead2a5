"""What two problems must agree in, whatever words and looks they have."""

import pytest

from builder.texts.quantities import quantities


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"What is $\frac{1}{2} \times 4$?", r"What is \( \dfrac{1}{2} \cdot 4 \)?"),
        (r"If $\left( x \leq 3 \right)$, find x.", r"Find x if ( x ≤ 3 )."),
        ("A 5-foot rope costs 1,000 cents.", "A rope of 5 foot costs 1000 cents and/or more."),
        ("He has three apples and 12 pears.", "Of 12 pears and 3 apples ..."),
        (r"$\textbf{Note}$ that a - b = 2", "we know a − b = 2"),
    ],
)
def test_looks_make_no_difference(one, other):
    assert quantities(one) == quantities(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2 + 3?", "What is 2 + 4?"),
        ("What is 2 + 3?", "What is 2 - 3?"),
        ("What is 7/3?", "What is 7 * 3?"),
        ("three apples", "four apples"),
        ("Prove that a < b.", "Prove that a > b."),
        (r"$\sin x$", r"$\cos x$"),
        (r"$a \le b$", r"$a \ge b$"),
        ("2 pears", "2 pears and 2 apples"),
    ],
)
def test_numbers_and_signs_do(one, other):
    assert quantities(one) != quantities(other)
