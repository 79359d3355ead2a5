import pytest

from builder.errors import HubError, InputError
from builder.publishing import retry
from builder.publishing.retry import passes, patiently, seconds_to_wait


class Response:
    def __init__(self, code, **headers):
        self.status_code, self.headers = code, headers


class FromHubError(Exception):
    def __init__(self, code, **headers):
        super().__init__(f"{code} for url")
        self.response, self.server_message = Response(code, **headers), "what the Hub says"


def caused_by(cause):
    try:
        raise RuntimeError("Error while uploading") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("code", [409, 412, 429, 500, 502, 503, 504])
def test_what_passes(code):
    assert passes(FromHubError(code))
    assert passes(caused_by(FromHubError(code)))


@pytest.mark.parametrize("error", [FromHubError(400), FromHubError(404), ValueError("x"), FileNotFoundError("x")])
def test_what_does_not(error):
    assert not passes(error)


def test_the_network_passes():
    assert passes(ConnectionResetError())
    assert passes(TimeoutError())


def test_waits_double_unless_the_hub_asks_for_something():
    assert [seconds_to_wait(FromHubError(500), n) for n in (1, 2, 3, 20)] == [1, 2, 4, retry.MOST_SECONDS]
    assert seconds_to_wait(FromHubError(429, **{"Retry-After": "7"}), 1) == 7
    assert seconds_to_wait(FromHubError(429, **{"Retry-After": "99999"}), 1) == retry.MOST_SECONDS
    assert seconds_to_wait(FromHubError(429, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), 1) == 1


def failing(*errors):
    left = list(errors)

    def action():
        if left:
            raise left.pop(0)
        return "done"

    return action


def test_it_goes_on_until_it_works_and_says_what_it_waits_for(monkeypatch):
    monkeypatch.setattr(retry, "BASE_SECONDS", 0)
    said = []
    assert patiently(failing(FromHubError(503), ConnectionResetError("gone")), "dataset me/d", said.append) == "done"
    assert said == [
        "the Hub: 503: what the Hub says; trying again in 0 s",
        "the Hub: ConnectionResetError: gone; trying again in 0 s",
    ]


@pytest.mark.parametrize(
    ("errors", "raised", "message"),
    [
        ([FromHubError(503)] * retry.ATTEMPTS, HubError, "dataset me/d: gave up after 8 attempts"),
        ([FromHubError(400)], HubError, "what the Hub says; the same command continues"),
        ([FromHubError(403)], InputError, "your token is not allowed to do this"),
        ([InputError("the repository holds something else")], InputError, "^the repository holds something else$"),
    ],
)
def test_it_gives_up_in_one_line(monkeypatch, errors, raised, message):
    monkeypatch.setattr(retry, "BASE_SECONDS", 0)
    with pytest.raises(raised, match=message):
        patiently(failing(*errors), "dataset me/d", lambda text: None)
