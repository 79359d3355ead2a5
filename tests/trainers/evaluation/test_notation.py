from decimal import Decimal

import pytest

from trainers.evaluation.notation import number_in, plain_words, readable, respelled, without_unit, words_in


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("27", 27),
        ("-1.5", "-1.5"),
        (".5", "0.5"),
        ("10,080", 10080),
        (r"11,\! 111,\! 111,\! 100", 11111111100),
        (r"10{,}000", 10000),
        (r"\$32,\!348", 32348),
        (r"4.5 \times 10^{33}", "4.5e33"),
        (r"4.5 \cdot 10^{-7} \mathrm{~cm}", "4.5e-7"),
        (r"10^{-5}", "1e-5"),
        (r"-10^3", "-1000"),
        (r"10^{33} \text{ ergs}", "1e33"),
        (r"1.6 \mathrm{~cm}", "1.6"),
        (r"166 \text{ cm}^2", 166),
        (r"3 \text{ m}/\text{s}", 3),
        (r"90^{\circ}", 90),
        (r"90^\circ", 90),
        ("x = 5", 5),
        (r"\lambda \approx 5.1 \times 10^{-7}", "5.1e-7"),
        ("(073)", 73),
        ("(1234)", 1234),
        ("(1{,}234)", 1234),
        ("f(2) = 5", 5),
        (r"a_{n+1} = 5", 5),
        (r"T_{\text{eff}} \approx 5500", 5500),
        (r"\text{Area} = 12", 12),
        ("$x = 1,234$", 1234),
        ("|z| = 5", 5),
    ],
)
def test_one_decimal_number_is_understood_however_it_is_written(answer, value):
    assert number_in(answer) == Decimal(value)


@pytest.mark.parametrize(
    "answer",
    [
        *(r"\frac{1}{2}", "1,2", "1, 234", "(1,2)", "52_8", "5!", "2x", r"62.5\%", r"10^{n}", "1:2", "", "5" * 300),
        *("x>=5", "x<=5", "x != 5", r"x \ge= 5", "2x+3=5", "1+1=5", "2+3=5", "x+1=5", "x^2=5", "2x=5", "x/2=5", "10=5"),
        *(r"\sqrt{x}=5", r"\frac{x}{2}=5", "-x=5", "x=y=5", "5=5", "(1,234)", "(12,345)"),
    ],
)
def test_anything_else_is_no_number(answer):
    assert number_in(answer) is None


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        ("$2n-2$", "2n-2"),
        ("$(-6,6)$, $(2,6)$", "(-6,6), (2,6)"),
        ("$221,$8$", "221,8"),
        (r"$(-\infty, 0) \cup\{1\}$.", r"(-\infty, 0) \cup\{1\}"),
        (r"\$18.90", r"\$18.90"),
        ("4.5e33", r"4.5 \times 10^{33}"),
        ("1e-05", r"1 \times 10^{-5}"),
        ("-1./3", "-1/3"),
        ("np.arcsin(10/13)", r"\arcsin(10/13)"),
        (r"\frac{d x}{d t}=k x-a", "k x-a"),
        (r"m_{\max }=n^{2}-n-1", "m_{max}=n^{2}-n-1"),
    ],
)
def test_golds_lose_what_the_verifier_cannot_read(stated, text):
    assert readable(stated) == text


@pytest.mark.parametrize("text", ["e^{2 i t}", r"2e", "RE", r"\boxed{\frac{1}{2}e^{3}}", r"0.333...", "x.2e5y"])
def test_other_mathematics_stays_as_it_is(text):
    assert respelled(text) == text


@pytest.mark.parametrize(
    ("answer", "unit", "bare"),
    [
        (r"4.2\%", "%", "4.2"),
        (r"4.2 \text{ percent}", "%", "4.2"),
        (r"\frac{600}{7}\,\mathrm{km/h}", "km/h", r"\frac{600}{7}"),
        ("166~cm^2", "$cm^2$", "166"),
        ("8 min", "min", "8"),
        ("90^{\\circ}", "^{\\circ}", "90"),
        ("8 min", "", "8 min"),
        ("8", "min", "8"),
    ],
)
def test_the_unit_that_the_benchmark_names_is_dropped(answer, unit, bare):
    assert without_unit(answer, unit) == bare


def test_words_are_told_from_mathematics():
    assert words_in(r"\text{(C)}") == "c"
    assert words_in(r"\text{Evelyn}") == "evelyn"
    assert words_in("m") is None
    assert words_in(r"5.4 \text{ cents}") is None
    assert plain_words(r"\text{an ellipse}") == "ellipse"
    assert plain_words("A") == "a"
