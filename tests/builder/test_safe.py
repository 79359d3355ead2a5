"""Safe by default: nothing foreign is executed, names never become paths, and tokens stay where they belong."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

from builder.config import Target, load_target
from builder.engines.servers import transformers_server, vllm_server
from builder.errors import InputError
from builder.release.open import open_release
from builder.sources.readers import open_source
from scripts.standins.builds import answer, command, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine
from scripts.standins.fault_proxy import FaultProxy

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted(file for package in ("builder", "trainers") for file in (REPOSITORY / package).rglob("*.py"))
SAFE = {"trust_remote_code": "False", "use_safetensors": "True"}
HUB_TOKEN, ENGINE_KEY = "hf_PlantedPlantedPlanted", "planted open sesame"


def test_no_module_asks_a_library_to_execute_what_it_reads():
    """What ruff has no rule for; the rest are its families S and TID251, see pyproject.toml."""
    asked = []
    for file in MODULES:
        calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        asked += [(file, ast.unparse(call)) for call in calls if ast.unparse(call.func) in ("compile", "__import__")]
        given = {(word.arg, ast.unparse(word.value)) for call in calls for word in call.keywords}
        asked += [(file, *word) for word in given if SAFE.get(word[0], word[1]) != word[1]]
    assert not asked
    assert len(MODULES) > 100


def test_our_servers_listen_on_this_machine_only_and_trust_no_code(tmp_path):
    target = load_target("llama-3.1-8b-instruct")
    for start in (vllm_server, transformers_server):
        server = start(tmp_path, target, tmp_path / "log")
        assert server.url.startswith("http://127.0.0.1:")
        assert not [part for part in server._command if "trust" in part or part == "0.0.0.0"]
    vllm = vllm_server(tmp_path, target, tmp_path / "log")._command
    assert vllm[vllm.index("--host") + 1] == "127.0.0.1"


NASTY = (
    "../../etc/passwd",
    "..",
    "a/../../b",
    "/etc",
    "a\0b",
    "a/b/c",
    "~",
    "a b/c",
    "-a/b",
    "a/b@../..",
    "file:///etc",
)


@pytest.mark.parametrize("name", NASTY)
def test_a_repository_name_is_checked_before_it_is_used(name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((InputError, ValueError)):
        open_release(name)


@pytest.mark.parametrize("name", ["../escape", "a/b", "A", "", ".hidden", "a\n", "a b", "a\0"])
def test_a_target_name_never_becomes_a_path(name):
    fields = load_target("smollm2-135m-instruct").model_dump()
    with pytest.raises(ValueError, match="name"):
        Target.model_validate(fields | {"name": name})


def test_a_target_file_is_plain_yaml(tmp_path):
    file = tmp_path / "target.yaml"
    file.write_text(f"name: !!python/object/apply:os.system ['touch {tmp_path / 'canary'}']\n")
    with pytest.raises(InputError, match="not readable as YAML"):
        load_target(str(file))
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
def test_planted_tokens_are_nowhere_to_be_found_and_ids_never_become_paths(tmp_path, chat):
    """Not even if the engine repeats them in its errors, as this proxy does. And ids are only ever values."""
    ids = ["../../escape", "/etc/passwd", "a\0b", "..", "con", "x" * 5000, "'; DROP TABLE outcomes; --", "\u202eabc"]
    rows = [problem("solvable", n) | {"id": row_id} for n, row_id in enumerate(ids)]
    source = write_source(tmp_path / "s.jsonl", rows)
    arguments: set[str] = set()

    def look(request):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                arguments.add(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
            except OSError:
                continue

    environment = {**os.environ, "HF_TOKEN": HUB_TOKEN, "MTG_ENGINE_API_KEY": ENGINE_KEY}
    with FakeEngine(chat, answer) as engine:
        engine.before = look
        with FaultProxy(engine.url, lambda number: "400" if number in (2, 5) else None) as proxy:
            runs = [
                subprocess.run(
                    [*command(source, tmp_path / "r", proxy), "--id-field", "id"],
                    capture_output=True,
                    text=True,
                    check=False,
                    env=environment,
                )
                for _ in range(2)
            ]
    assert [run.returncode for run in runs] == [3, 0]
    assert table(tmp_path / "r")["id"].to_list() == ids
    assert sorted(os.listdir(tmp_path)) == ["r", "r.work", "s.jsonl"]
    assert "injected 400; Bearer ***" in runs[0].stderr
    seen = [run.stdout + run.stderr for run in runs] + list(arguments)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 8
    for secret in (HUB_TOKEN, ENGINE_KEY):
        assert not [text for text in seen if secret in text]
        assert not [file for file in files if secret.encode() in file.read_bytes()]


def test_a_token_in_an_error_of_a_library_is_masked(monkeypatch, capsys):
    from builder.machine import cli

    monkeypatch.setenv("HF_TOKEN", HUB_TOKEN)

    def fails():
        raise InputError(f"Illegal header value b'Bearer {HUB_TOKEN}'")

    with pytest.raises(SystemExit):
        cli.run(fails)
    assert HUB_TOKEN not in capsys.readouterr().err


def test_an_unknown_source_is_not_looked_up_as_a_path_or_a_url():
    from builder.config import SourceSpec

    for name in ("https://example.org/data.jsonl", "s3://bucket/data.parquet", "a/b/c"):
        with pytest.raises(InputError):
            open_source(SourceSpec(name=name), 0)
