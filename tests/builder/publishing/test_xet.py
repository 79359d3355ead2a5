"""The same over Xet, which the Hub's client uses wherever it can: real chunks in a real store."""

import hashlib
import os
import random
import string

import hf_xet
import pyarrow as pa
import pytest

from builder.release.files import config_writer, data_file
from builder.release.records import CONFIGS, schema
from tests.builder.publishing.conftest import Publisher
from tests.hub_standin import TOKEN, DroppedError, HubStandIn
from tests.hub_standin.xet import XetStore
from tests.zygote import PUBLISHING, Zygote

DATA = [f"data/{config}/train-00000.parquet" for config in CONFIGS]


@pytest.fixture(scope="module")
def xet_hub(tmp_path_factory):
    with HubStandIn(xet=tmp_path_factory.mktemp("xet")) as hub:
        yield hub


@pytest.fixture(scope="module")
def xet_publish(xet_hub, tmp_path_factory):
    with Zygote(os.environ | xet_hub.environment(tmp_path_factory.mktemp("home"), TOKEN), PUBLISHING) as zygote:
        yield Publisher(xet_hub, zygote, "me/over-xet")


def test_two_versions_over_xet(xet_hub, xet_publish, first, second):
    done = xet_publish(first, "1.0.0")
    assert done.returncode == 0, done.stderr
    assert "equal to the release in every row" in done.stdout  # downloaded over Xet, too
    lost = [DroppedError()]

    def drop_the_first_answer(request):
        if "/commit/" in request and lost:
            raise lost.pop()

    xet_hub.after = drop_the_first_answer
    done = xet_publish(second, "1.1.0")
    assert done.returncode == 0, done.stderr
    assert "trying again" in done.stdout
    repo = xet_publish.repo
    assert [commit.title for commit in repo.commits.values()] == ["initial commit", "Release 1.0.0", "Release 1.1.0"]
    assert repo.tags["v1.1.0"] == repo.head
    for tag, published in (("v1.0.0", first), ("v1.1.0", second)):
        files = repo.commits[repo.tags[tag]].files
        for path in DATA:
            assert files[path].oid == hashlib.sha256((published / path).read_bytes()).hexdigest()
    assert not any("/lfs/" in line for line in xet_hub.requests)  # no byte went the other way
    assert xet_hub.xet.stored_bytes() > 0


def test_a_revised_file_stores_only_what_changed(tmp_path):
    """Because `TableWriter` cuts the Parquet where the content says so, as the store does."""

    def stored(rows, name):
        with config_writer(tmp_path / name, "candidates") as writer:
            writer.add_table(pa.Table.from_pylist(rows, schema=schema(CONFIGS["candidates"])))
        with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{tmp_path}/store") as commit:
            commit.start_upload_file(str(data_file(tmp_path / name, "candidates")), sha256=hf_xet.SKIP_SHA256)
        return XetStore(tmp_path / "store").stored_bytes()

    letters = random.Random(0)
    rows = [{"id": str(n), "text": "".join(letters.choices(string.printable, k=1000))} for n in range(6_000)]
    first = stored(rows, "first")
    rows.insert(1_000, {"id": "new", "text": "a row that moves all others"})
    assert 0 < stored(rows, "second") - first < first / 2


def test_published_already_stores_nothing(xet_hub, xet_publish, first):
    stored = xet_hub.xet.stored_bytes()
    assert xet_publish(first, "1.0.0").returncode == 0
    assert xet_hub.xet.stored_bytes() == stored
