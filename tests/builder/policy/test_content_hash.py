import hashlib
import json
import os

import pytest

from builder.policy import content_hash
from builder.policy.content_hash import content_hashes


@pytest.fixture
def weights(tmp_path):
    """A file that is large enough to be remembered."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(os.urandom(3 << 20))
    return file


@pytest.fixture
def read(monkeypatch):
    """Files that were really read, in order; no file counts as young."""
    names = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda f, name: names.append(f.name) or digest(f, name))
    monkeypatch.setattr(content_hash, "_YOUNG", -1.0)
    return names


def sha(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_one_changed_byte_anywhere_is_another_hash(weights, tmp_path):
    first = content_hashes([weights], tmp_path / "memory")
    assert first == [sha(weights)]
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    before = weights.stat()
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))  # even if the time of change is put back
    assert content_hashes([weights], tmp_path / "memory") == [sha(weights)] != first


def test_a_file_is_read_once_and_again_when_it_changes(weights, tmp_path, read):
    for _ in range(3):
        assert content_hashes([weights], tmp_path / "memory") == [sha(weights)]
    assert len(read) == 1
    weights.write_bytes(os.urandom(3 << 20))  # of the same size
    assert content_hashes([weights], tmp_path / "memory") == [sha(weights)]
    assert len(read) == 2


def test_a_file_that_takes_anothers_place_is_read(weights, tmp_path, read):
    content_hashes([weights], tmp_path / "memory")
    other = tmp_path / "other"
    other.write_bytes(os.urandom(3 << 20))
    os.utime(other, ns=(weights.stat().st_atime_ns, weights.stat().st_mtime_ns))
    os.replace(other, weights)
    assert content_hashes([weights], tmp_path / "memory") == [sha(weights)]


def test_a_file_that_was_changed_just_now_is_not_remembered(weights, tmp_path):
    content_hashes([weights], tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"sha256": 3}', b"\xff\xfe"])
def test_a_damaged_memory_only_costs_time(weights, tmp_path, read, damage):
    memory = tmp_path / "memory"
    content_hashes([weights], memory)
    (entry,) = memory.iterdir()
    entry.write_bytes(damage)
    assert content_hashes([weights], memory) == [sha(weights)]
    assert len(read) == 2
    assert content_hashes([weights], memory) == [sha(weights)]
    assert len(read) == 2  # and it is mended


def test_a_memory_whose_hash_is_none_is_not_believed(weights, tmp_path, read):
    memory = tmp_path / "memory"
    content_hashes([weights], memory)
    (entry,) = memory.iterdir()
    entry.write_text(json.dumps(json.loads(entry.read_text()) | {"sha256": "0"}))
    assert content_hashes([weights], memory) == [sha(weights)]


def test_a_memory_that_cannot_be_written_only_costs_time(weights, tmp_path, read):
    (tmp_path / "memory").write_text("in the way")
    for _ in range(2):
        assert content_hashes([weights], tmp_path / "memory") == [sha(weights)]
    assert len(read) == 2


def test_hashes_come_in_the_order_of_the_files_and_a_long_wait_is_announced(tmp_path, capsys, monkeypatch):
    files = [tmp_path / f"{n}.safetensors" for n in range(9)]
    for n, file in enumerate(files):
        file.write_bytes(bytes([n]) * 1000)
    assert content_hashes(files, tmp_path / "memory") == [sha(file) for file in files]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(content_hash, "_LONG", 8_000)
    content_hashes(files, tmp_path / "memory")
    assert capsys.readouterr().err == "hashing 0 GB of weights ...\n"
