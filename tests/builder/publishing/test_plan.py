import hashlib

import pytest

from builder.errors import InputError
from builder.publishing.content import Content, StagedFile
from builder.publishing.plan import Commit, Remote, RemoteFile, changes, published
from builder.publishing.versions import Version

V1 = Version(1, 0, 0)
MANIFEST = {
    "fingerprint": "f",
    "files": {"data/x.parquet": {"sha256": "x"}},
    "publication": {"repo": "me/d", "version": "1.0.0"},
}


def staged(path, content):
    return StagedFile(path, content, hashlib.sha256(content).hexdigest(), len(content))


CONTENT = Content({f.path: f for f in (staged("data/x.parquet", b"data"), staged("README.md", b"card"))}, MANIFEST)
LARGE = RemoteFile(hashlib.sha256(b"data").hexdigest(), "whatever git calls the pointer")
SMALL = RemoteFile(None, hashlib.sha1(b"blob 4\0card").hexdigest())
WHOLE = {"data/x.parquet": LARGE, "README.md": SMALL, ".gitattributes": RemoteFile(None, "a")}


def test_what_is_missing_from_nothing_to_a_commit():
    everything = list(CONTENT.files.values())
    assert changes(CONTENT, Remote()) == Commit(None, everything, [])
    assert changes(CONTENT, Remote("c0", {".gitattributes": RemoteFile(None, "a")}, {})) == Commit("c0", everything, [])
    assert not changes(CONTENT, Remote("c1", WHOLE, {}, unreleased=MANIFEST))


def test_what_is_there_is_not_sent_and_what_vanished_is_removed():
    files = WHOLE | {"README.md": RemoteFile(None, "b"), "data/old.parquet": LARGE}
    change = changes(CONTENT, Remote("c1", files, {"v1.0.0": "c1"}, previous=MANIFEST))
    assert change == Commit("c1", [CONTENT.files["README.md"]], ["data/old.parquet"])
    assert change.bytes == 4
    assert change


def test_the_tag_counts_wherever_main_has_gone_since():
    assert published(CONTENT, V1, Remote("c1", WHOLE, {}, unreleased=MANIFEST)) is None
    assert published(CONTENT, V1, Remote("c1", WHOLE, {"v1.0.0": "c1"}, tagged=MANIFEST)) == "c1"
    moved_on = Remote("c9", {}, {"v1.0.0": "c1", "v1.1.0": "c9"}, tagged=MANIFEST)
    assert published(CONTENT, V1, moved_on) == "c1"


@pytest.mark.parametrize(
    ("remote", "version", "message"),
    [
        (Remote("c", WHOLE, {"v1.0.0": "c"}, tagged=MANIFEST | {"fingerprint": "g"}), V1, "is another release"),
        (Remote("c", WHOLE, {"v1.0.0": "c"}), V1, "not on a release of this tool"),
        (Remote("c", WHOLE, {"v1.1.0": "c"}, unreleased=MANIFEST), V1, "at version 1.1.0 already"),
        (Remote("c", {"a.txt": SMALL}, {}), V1, "the repository holds a.txt"),
    ],
)
def test_what_is_refused(remote, version, message):
    with pytest.raises(InputError, match=message):
        published(CONTENT, version, remote)
