import pytest

from builder.errors import InputError
from builder.publishing.versions import Version, parse_version, versions_among


def test_versions_are_ordered_by_number():
    assert versions_among(["v1.10.0", "v1.9.3", "main", "v2", "v1.2.3-rc1", "release-1.0.0", "v01.0.0"]) == [
        Version(1, 9, 3),
        Version(1, 10, 0),
    ]
    assert parse_version("1.0.0").tag == "v1.0.0"


@pytest.mark.parametrize("text", ["1", "1.0", "v1.0.0", "1.0.0-rc1", "1.0.0+2", "01.0.0", " 1.0.0", "1.0.0\n", "١.0.0"])
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="three numbers"):
        parse_version(text)
