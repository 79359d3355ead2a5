"""How numbers look in a report: thousands separated, a real minus sign, a dash for what is unknown."""

import math

UNKNOWN = "–"


def count(value: float | None) -> str:
    """A whole number."""
    return UNKNOWN if value is None else f"{round(value):,}"


def counted(value: int, noun: str) -> str:
    """A number of things: `1 row`, `2 rows`."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def share(part: float, whole: float = 1.0) -> str:
    """A part of a whole in percent; never rounded to 0 or 100 % where it is not."""
    if not whole:
        return UNKNOWN
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def real(value: float | None, digits: int = 2) -> str:
    """A real number with a fixed number of digits."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.{digits}f}".replace("-", "−")


def finite(value: float | None, digits: int = 17) -> float | None:
    """A number for JSON, which has none that is not finite: None."""
    return round(value, digits) if value is not None and math.isfinite(value) else None


def weight(log_weight: float) -> str:
    """exp(log_weight): as a decimal number where that is readable, else as a power of ten."""
    if log_weight == -math.inf:
        return "0"
    power = log_weight / math.log(10)
    if -2.5 <= power < 5:
        value = math.exp(log_weight)
        return f"{value:,.{3 if value < 10 else 1 if value < 100 else 0}f}"
    exponent = math.floor(power + 0.02)  # 9.96 is 10, the next power's 1
    return f"{10 ** (power - exponent):.1f}·10{str(exponent).translate(_SUPERSCRIPTS)}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
