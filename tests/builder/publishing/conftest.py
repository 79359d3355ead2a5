"""A Hub over loopback, and command lines that talk to it."""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hub_standin import TOKEN, HubStandIn
from tests.hub_standin.repos import Repo
from tests.zygote import PUBLISHING, Done, Zygote


@pytest.fixture(scope="session")
def first(first_release) -> Path:
    return first_release


@pytest.fixture(scope="session")
def second(second_release) -> Path:
    return second_release


@dataclass
class Publisher:
    """Publishes into one repository, in processes that have a token that may write."""

    hub: HubStandIn
    zygote: Zygote
    name: str

    @property
    def repo(self) -> Repo:
        return self.hub.repos["dataset", self.name]

    def __call__(self, release: Path, version: str, *extra: str, **options) -> Done:
        arguments = (str(release), "--repo", self.name, "--version", version, *extra)
        return self.zygote.run("builder.publish", *arguments, **options)


@pytest.fixture(scope="session")
def hub():
    with HubStandIn() as hub:
        yield hub


@pytest.fixture(scope="session")
def zygote(hub, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with Zygote(os.environ | hub.environment(home, TOKEN), PUBLISHING) as zygote:
        yield zygote


@pytest.fixture
def publish(hub, zygote) -> Publisher:
    """For a repository that is not there yet, on a Hub without faults."""
    hub.before = hub.after = lambda request: None
    hub.requests.clear()
    hub.bodies.clear()
    hub.blobs.clear()
    return Publisher(hub, zygote, f"me/d-{uuid.uuid4().hex[:8]}")
