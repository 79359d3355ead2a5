import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hub_standin import HubStandIn

pytestmark = pytest.mark.slow

NUMINA = "AI-MO/NuminaMath-CoT"
CODE = """
import json, sys
from dataclasses import asdict
from builder.config import SourceSpec
from builder.errors import InputError
from tests.builder.sources.loaded import load_all

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = asdict(load_all([SourceSpec(**request["spec"])], request.get("limit"), 0))
    except InputError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))
"""


def numina(*problems):
    rows = [
        {
            "source": "cn_k12",
            "problem": problem,
            "solution": f"Worked. \\boxed{{{number}}}",
            "messages": [{"role": "user", "content": problem}, {"role": "assistant", "content": "Worked."}],
        }
        for number, problem in enumerate(problems)
    ]
    return parquet(rows)


def parquet(rows):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def hub():
    with HubStandIn() as hub:
        yield hub


@pytest.fixture(scope="module")
def shas(hub):
    card = b"---\nlicense: apache-2.0\n---\n# NuminaMath\n"
    file = "data/train-00000-of-00001.parquet"
    old = hub.commit(NUMINA, {file: numina("old a", "old b"), "README.md": card}, tag="v1")
    new = hub.commit(NUMINA, {file: numina(*"abcdefgh"), "README.md": card})
    hub.commit("team/proofs", {"train.parquet": parquet([{"text": "p"}]), "README.md": b"---\nlicense: [mit]\n---\n"})
    hub.commit("team/damaged", {"train.parquet": numina("a")[:4] + b"no longer what it was"})
    hub.commit("team/worked", {"train.jsonl": b'{"question": "1+1?", "answer": "one more is #### 2"}\n'})
    return old, new


def ask(environment, *requests):
    """Load in a process of its own: the client reads its endpoint at import."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env=os.environ | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests)
    return answers


def test_datasets_at_their_revisions(hub, shas, tmp_path):
    old, new = shas
    requests = [
        {"spec": {"name": "numinamath-cot"}},
        {"spec": {"name": "numinamath-cot"}, "limit": 3},
        {"spec": {"name": "numinamath-cot", "revision": "v1"}},
        {"spec": {"name": NUMINA, "revision": old}},
        {"spec": {"name": "team/worked"}},
    ]
    newest, some, tagged, pinned, worked = ask(hub.environment(tmp_path), *requests)
    assert [row["problem"] for row in newest["rows"]] == list("abcdefgh")
    assert [row["gold"] for row in newest["rows"]] == list("01234567")
    assert newest["rows"][7]["id"] == "numinamath-cot-0000007"
    assert newest["rejected"] == []
    assert newest["provenance"] == [
        {
            "name": "numinamath-cot",
            "repo": NUMINA,
            "config": None,
            "split": "train",
            "revision": new,
            "license": "apache-2.0",
            "rows": 8,
        }
    ]
    assert len(some["rows"]) == 3
    assert all(row in newest["rows"] for row in some["rows"])
    for answer in (tagged, pinned):
        assert [row["problem"] for row in answer["rows"]] == ["old a", "old b"]
        assert answer["provenance"][0]["revision"] == old
    assert pinned["rows"][0]["id"] == "ai-mo-numinamath-cot-0000000"
    assert [(row["problem"], row["gold"]) for row in worked["rows"]] == [("1+1?", "2")]
    assert worked["provenance"][0]["license"] is None


def test_what_the_hub_does_not_have_is_one_clear_line(hub, shas, tmp_path):
    specs = {
        f"dataset nobody/nothing is neither on this machine nor on the Hub ({hub.url})": {"name": "nobody/nothing"},
        f"dataset {NUMINA} at v9: there is no such revision": {"name": NUMINA, "revision": "v9"},
        "Unknown split \"test\". Should be one of ['train'].": {"name": NUMINA, "split": "test"},
        "BuilderConfig 'main' not found. Available: ['default']": {"name": NUMINA, "config": "main"},
        f"{NUMINA} has no field 'gold' for --answer-field; its fields: source, problem, solution, messages": {
            "name": NUMINA,
            "answer_field": "gold",
        },
        "team/proofs: no field holds the problem": {"name": "team/proofs"},
        "dataset team/damaged cannot be loaded": {"name": "team/damaged"},
    }
    answers = ask(hub.environment(tmp_path), *({"spec": spec} for spec in specs.values()))
    for expected, answer in zip(specs, answers, strict=True):
        assert expected in answer["error"]
        assert "\n" not in answer["error"]


def test_a_hub_that_is_away_or_switched_off(tmp_path):
    with HubStandIn() as hub:
        pass  # nobody listens on its port any more
    request = {"spec": {"name": "numinamath-cot"}}
    (away,) = ask(hub.environment(tmp_path), request)
    assert away["error"].startswith(f"dataset {NUMINA} cannot be loaded from {hub.url}: ConnectError: ")
    (off,) = ask(hub.environment(tmp_path) | {"HF_HUB_OFFLINE": "1"}, request)
    assert "offline mode is enabled" in off["error"]


def test_the_standin_serves_models_too(hub, tmp_path):
    weights = bytes(range(256)) * 8
    sha = hub.commit("team/tiny", {"config.json": b"{}", "sub/model.safetensors": weights}, type="model")
    code = (
        "import json\n"
        "from huggingface_hub import HfApi, HfFileSystem, snapshot_download\n"
        "api = HfApi()\n"
        "print(json.dumps([\n"
        "    api.model_info('team/tiny').sha,\n"
        "    [entry.path for entry in api.list_repo_tree('team/tiny', recursive=True)],\n"
        "    [entry.path for entry in api.get_paths_info('team/tiny', ['sub', 'config.json', 'missing'])],\n"
        "    api.list_repo_refs('team/tiny').branches[0].target_commit,\n"
        "    [commit.title for commit in api.list_repo_commits('team/tiny')],\n"
        "    HfFileSystem().cat_file('team/tiny/sub/model.safetensors', start=300, end=303).hex(),\n"
        "    snapshot_download('team/tiny'),\n"
        "]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | hub.environment(tmp_path),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    info, tree, paths, branch, commits, middle, snapshot = json.loads(done.stdout)
    assert info == branch == sha
    assert sorted(tree) == ["config.json", "sub", "sub/model.safetensors"]
    assert sorted(paths) == ["config.json", "sub"]
    assert commits == ["Upload"]
    assert middle == weights[300:303].hex()
    assert (Path(snapshot) / "sub" / "model.safetensors").read_bytes() == weights
