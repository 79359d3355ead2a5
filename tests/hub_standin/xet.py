"""A Xet store in a folder: hf_xet reads and writes it directly, at a `local://` address."""

import json
import struct
import time
from pathlib import Path

from tests.hub_standin.repos import Answer

# Layout of a shard, as hf_xet 1.8 writes it: a header of 48 bytes, then for every file a header, its segments, a
# verification entry a segment (flag 31), and an entry with its sha256 (flag 30); each of them has 48 bytes.
_ENTRY = 48
_VERIFICATION, _SHA256 = 1 << 31, 1 << 30


class XetStore:
    """What clients have uploaded to the store in `folder`.

    The content never passes through the stand-in: clients exchange it with the folder, as they do with the real
    store. Only the names of files are read here, by which a commit refers to them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def token(self) -> Answer:
        """The answer of the token routes, which `huggingface_hub` reads in the headers and hf_xet in the body."""
        url, expires = f"local://{self._folder}", int(time.time()) + 3600
        body = json.dumps({"casUrl": url, "accessToken": "any", "exp": expires}).encode()
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": "any", "X-Xet-Token-Expiration": str(expires)}
        return Answer(body, {"Content-Type": "application/json", **headers})

    def hash_of(self, sha256: str) -> str | None:
        """The Xet hash of an uploaded file."""
        for shard in self._folder.glob("xet/xorbs/shards/*.mdb"):
            if found := _files(shard.read_bytes()).get(sha256):
                return found
        return None

    def stored_bytes(self) -> int:
        """Size of all chunks that were ever uploaded."""
        return sum(f.stat().st_size for f in self._folder.glob("xet/xorbs/xorbs/*") if f.suffix != ".tagset")


def _files(shard: bytes) -> dict[str, str]:
    """Xet hashes of the files in a shard by sha256."""
    found, at = {}, _ENTRY
    while (name := shard[at : at + 32]) != b"\xff" * 32:
        flags, segments = struct.unpack_from("<II", shard, at + 32)
        at += _ENTRY * (1 + segments * (2 if flags & _VERIFICATION else 1))
        if flags & _SHA256:
            found[_hex(shard[at : at + 32])] = _hex(name)
            at += _ENTRY
    return found


def _hex(digest: bytes) -> str:
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", digest))
