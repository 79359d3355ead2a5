import math

import pytest

from builder.reporting.numbers import count, real, share, weight


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (count(1234567), "1,234,567"),
        (count(None), "–"),
        (real(-1.5), "−1.50"),
        (real(math.nan), "–"),
        (real(-math.inf), "−∞"),
        (share(1, 3), "33.3 %"),
        (share(0, 3), "0 %"),
        (share(1, 0), "–"),
        (share(99_999, 100_000), ">99.9 %"),  # not all
        (share(1, 100_000), "<0.1 %"),  # not none
        (weight(0.0), "1.000"),
        (weight(math.log(160.3)), "160"),
        (weight(math.log(2.5e-7)), "2.5·10⁻⁷"),
        (weight(math.log(9.96e-12)), "1.0·10⁻¹¹"),
        (weight(-math.inf), "0"),
    ],
)
def test_numbers(found, expected):
    assert found == expected
