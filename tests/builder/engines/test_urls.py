import pytest

from builder.engines.urls import base_url
from builder.errors import InputError


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://engine.example/v1/", "https://engine.example"),
        ("http://[::1]:8000/sub", "http://[::1]:8000/sub"),
    ],
)
def test_base_url(url, base):
    assert base_url(url) == base
    assert base_url(base) == base


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "http://", "ftp://x", "http://x:port", "file:///etc/passwd", ""])
def test_what_is_no_url_is_named(url):
    with pytest.raises(InputError, match="expected something like"):
        base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:open-sesame@x:8000",
        "http://open-sesame@x",
        "http://x/?key=open-sesame",
        "http://x/#open-sesame",
        "http://u:open-sesame@x:port",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(InputError, match="MTG_ENGINE_API_KEY") as refused:
        base_url(url)
    assert "open-sesame" not in str(refused.value)
