import hashlib

import pytest

from builder.errors import InputError
from builder.publishing.content import Content, StagedFile
from builder.publishing.plan import Commit, Create, Done, Remote, RemoteFile, Tag, next_step
from builder.publishing.versions import Version

V1, V2 = Version(1, 0, 0), Version(1, 1, 0)
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


def test_from_nothing_to_a_tag_one_step_at_a_time():
    assert next_step(CONTENT, V1, Remote()) == Create()
    fresh = Remote("c0", {".gitattributes": RemoteFile(None, "a")}, {})
    assert next_step(CONTENT, V1, fresh) == Commit("c0", list(CONTENT.files.values()), [])
    committed = Remote("c1", WHOLE, {}, unreleased=MANIFEST)
    assert next_step(CONTENT, V1, committed) == Tag("c1")
    assert next_step(CONTENT, V1, Remote("c1", WHOLE, {"v1.0.0": "c1"}, tagged=MANIFEST)) == Done("c1")


def test_what_is_there_is_not_sent_and_what_vanished_is_removed():
    files = WHOLE | {"README.md": RemoteFile(None, "b"), "data/old.parquet": LARGE}
    step = next_step(CONTENT, V2, Remote("c1", files, {"v1.0.0": "c1"}, previous=MANIFEST))
    assert step == Commit("c1", [CONTENT.files["README.md"]], ["data/old.parquet"])
    assert step.bytes == 4


def test_the_tag_counts_wherever_main_has_gone_since():
    moved_on = Remote("c9", {}, {"v1.0.0": "c1", "v1.1.0": "c9"}, tagged=MANIFEST)
    assert next_step(CONTENT, V1, moved_on) == Done("c1")


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
        next_step(CONTENT, version, remote)
