"""The Hub fails, the network fails, the process dies: nothing half is ever visible, and nothing is sent twice."""

import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from builder.release.manifest import read_manifest
from builder.release.records import CONFIGS
from tests.builder.publishing.conftest import Publisher
from tests.hub_standin import TOKEN, DroppedError, HubError, HubStandIn
from tests.zygote import PUBLISHING, Zygote

LARGE = len(CONFIGS)  # files that are sent by PUT


def once(match, error):
    """A hook that fails the first request that contains `match`."""
    left = [error]

    def hook(request):
        if match in request and left:
            raise left.pop()

    return hook


def assert_published_once(publisher, version="1.0.0"):
    """One commit of ours, and the tag on it."""
    repo = publisher.repo
    assert [commit.title for commit in repo.commits.values()] == ["initial commit", f"Release {version}"]
    assert repo.tags == {f"v{version}": repo.head}


@pytest.mark.slow
@pytest.mark.parametrize("request_", ["whoami", "/refs", "repos/create", "/preupload/", "/commit/", "/tag/"])
@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ("before", HubError(500, "ServerError", "Internal Server Error")),
        ("before", HubError(429, "RateLimited", "Too Many Requests", {"Retry-After": "0"})),
        ("before", DroppedError()),
        ("after", DroppedError()),
    ],
    ids=["500", "429", "request lost", "answer lost"],
)
def test_a_failure_that_passes_is_waited_out(publish, hub, first, request_, when, fault):
    setattr(hub, when, once(request_, fault))
    done = publish(first, "1.0.0")
    assert done.returncode == 0, done.stderr
    assert_published_once(publish)
    if "preupload" not in request_:  # the client retries that one by itself
        assert "trying again" in done.stdout


def test_somebody_elses_commit_in_between_is_kept_in_history_and_built_upon(publish, hub, first):
    def meddle(request):
        if "/commit/" in request and len(publish.repo.commits) == 1:
            hub.commit(publish.name, {"README.md": b"---\n---\nmine"}, title="Edit the card")

    hub.before = meddle
    done = publish(first, "1.0.0")
    assert done.returncode == 0, done.stderr
    assert "A commit has happened since" in done.stdout
    repo = publish.repo
    assert [c.title for c in repo.commits.values()] == ["initial commit", "Edit the card", "Release 1.0.0"]
    assert repo.tags == {"v1.0.0": repo.head}


def test_the_tag_is_on_our_commit_even_if_somebody_elses_follows_at_once(publish, hub, first):
    def meddle(request):
        if "/commit/" in request:
            files = publish.repo.commits[publish.repo.head].files
            hub.commit(publish.name, {**files, "README.md": b"---\n---\nmine"}, title="Edit the card")

    hub.after = meddle
    done = publish(first, "1.0.0")
    assert done.returncode == 0, done.stderr
    commits = publish.repo.commits
    assert [c.title for c in commits.values()] == ["initial commit", "Release 1.0.0", "Edit the card"]
    assert commits[publish.repo.tags["v1.0.0"]].title == "Release 1.0.0"


def test_somebody_elses_tag_in_between_is_refused(publish, hub, first):
    def meddle(request):
        if "/tag/" in request and not publish.repo.tags:
            publish.repo.tags["v1.0.0"] = next(iter(publish.repo.commits))

    hub.before = meddle
    done = publish(first, "1.0.0")
    assert done.returncode == 2
    assert "the tag v1.0.0 is there already, and not on a release" in done.stderr


def test_a_hub_that_stays_away_is_given_up_and_the_same_command_finishes(publish, hub, first):
    def away(request):
        if "/commit/" in request:
            raise HubError(503, "Unavailable", "Service Unavailable")

    hub.before = away
    done = publish(first, "1.0.0")
    assert done.returncode == 3
    assert "gave up after 8 attempts" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(publish.repo.commits) == 1
    hub.before = lambda request: None
    assert publish(first, "1.0.0").returncode == 0
    assert_published_once(publish)
    assert sum(n for line, n in hub.requests.items() if line.startswith("PUT")) == LARGE


class Killer:
    """Kills the process that sends its n-th request, before the request is served.

    What is left is what an answer lost to the request before would leave: a killed process learns nothing more.
    """

    def __init__(self, number):
        self.number, self.seen, self.victim = number, 0, None
        self._known = threading.Event()

    def started(self, pid):
        self.victim = pid
        self._known.set()

    def before(self, request):
        self.seen += 1
        if self.seen == self.number:
            self._known.wait()
            os.kill(self.victim, signal.SIGKILL)
            raise DroppedError


def requests_until_loaded(publish, release):
    """The requests of an undisturbed publication in order, up to the first one that loads what was published."""
    seen = []
    publish.hub.before = seen.append
    assert publish(release, "1.0.0").returncode == 0
    return seen[: 1 + next(n for n, line in enumerate(seen) if "/resolve/v1.0.0/" in line)]


def killed_and_finished(release, home, numbers):
    """For each number, on a Hub of their own: publish, die at that request, publish again."""
    whole = len(read_manifest(release)["files"]) + 2  # with the manifest and what the Hub adds
    with HubStandIn() as hub, Zygote(os.environ | hub.environment(home, TOKEN), PUBLISHING) as zygote:
        for number in numbers:
            publisher = Publisher(hub, zygote, f"me/d-{number}")
            killer = Killer(number)
            hub.before = killer.before
            hub.requests.clear()
            hub.blobs.clear()
            died = publisher(release, "1.0.0", started=killer.started)
            assert died.returncode == -signal.SIGKILL, (number, died)
            hub.before = lambda request: None
            if repo := hub.repos.get(("dataset", publisher.name)):
                # All of it or nothing: the commit is there with every file, or the repository is as it was made.
                sizes = [len(commit.files) for commit in repo.commits.values()]
                assert sizes in ([1], [1, whole]), number
                assert not repo.tags or repo.tags == {"v1.0.0": repo.head}
            assert publisher(release, "1.0.0").returncode == 0, number
            assert_published_once(publisher)
            puts = Counter({line: n for line, n in hub.requests.items() if line.startswith("PUT")})
            # A file whose upload the kill cut off is sent again; what the Hub had is not.
            assert puts.total() <= LARGE + 1, number
            assert len(puts) == LARGE


@pytest.mark.slow
def test_killed_between_any_two_requests_the_same_command_finishes(publish, first, tmp_path):
    lines = requests_until_loaded(publish, first)
    assert len(lines) > 20
    assert {line.split("/")[0] for line in lines} == {"GET ", "POST ", "HEAD ", "PUT "}
    halves = range(1, len(lines) + 1, 2), range(2, len(lines) + 1, 2)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(killed_and_finished, first, tmp_path / str(half), half) for half in halves]
        for job in jobs:
            job.result()
