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
UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "torch.load"}
HUB_TOKEN, ENGINE_KEY = "hf_PlantedPlantedPlanted", "planted open sesame"


def names_in(tree):
    """(what, line) of every import and every called name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.relative_to(REPOSITORY).as_posix())
def test_no_module_executes_what_it_reads(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    unsafe = UNSAFE_MODULES | UNSAFE_CALLS
    assert not [(name, line) for name, line in names_in(tree) if name in unsafe or name.split(".")[0] in UNSAFE_MODULES]
    keywords = {k.arg: ast.unparse(k.value) for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords}
    assert "shell" not in keywords
    assert keywords.get("trust_remote_code", "False") == "False"
    assert keywords.get("use_safetensors", "True") == "True"
    assert "0.0.0.0" not in file.read_text(encoding="utf-8")


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
