import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest

from builder.release.records import CONFIGS
from builder.reporting.static_plots import MAIN
from tests.hub_standin import READ_TOKEN, TOKEN, HubError

DATA = [f"data/{config}/train-00000.parquet" for config in CONFIGS]
PLOTS = [f"plots/{name}.svg" for name in MAIN]
EVERYTHING = {*DATA, *PLOTS, "README.md", "croissant.json", "manifest.json", ".gitattributes"}


def files_at(repo, tag):
    return repo.commits[repo.tags[tag]].files


def changing(requests):
    """Requests that may change something on the Hub."""
    return [line for line in requests if line.split()[0] != "HEAD" and not line.startswith("GET")]


def test_help_teaches_and_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-m", "builder.publish", "--help"], capture_output=True, text=True, check=False
    )
    assert "--dry-run" in done.stdout
    assert "HF_TOKEN" in done.stdout
    code = "import builder.publish, sys; print({'torch', 'datasets', 'huggingface_hub', 'polars'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_one_commit_holds_everything_and_the_tag_is_on_it(publish, first):
    done = publish(first, "1.0.0")
    assert done.returncode == 0, done.stderr
    assert "equal to the release in every row (default 3, tokens 3, candidates 2, expert 3, rejected 1)" in done.stdout
    repo = publish.repo
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert repo.tags == {"v1.0.0": repo.head}
    files = files_at(repo, "v1.0.0")
    assert files.keys() == EVERYTHING
    assert not repo.private
    for path in DATA:
        assert files[path] == (first / path).read_bytes()


def test_the_published_manifest_is_true_to_the_published_files(publish, first):
    publish(first, "1.0.0")
    files = files_at(publish.repo, "v1.0.0")
    manifest = json.loads(files["manifest.json"])
    promised = {path: facts["sha256"] for path, facts in manifest["files"].items()}
    there = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    assert promised == {path: there[path] for path in EVERYTHING - {"manifest.json", ".gitattributes"}}
    assert manifest["publication"]["repo"] == publish.name
    assert manifest["publication"]["version"] == "1.0.0"
    assert f'load_dataset("{publish.name}", revision="v1.0.0"' in files["README.md"].decode()


def test_published_already_changes_nothing(publish, hub, first):
    publish(first, "1.0.0")
    commits, tags = dict(publish.repo.commits), dict(publish.repo.tags)
    hub.requests.clear()
    done = publish(first, "1.0.0")
    assert done.returncode == 0
    assert "equal to the release" in done.stdout
    assert (publish.repo.commits, publish.repo.tags) == (commits, tags)
    assert not changing(hub.requests)


def test_a_published_version_never_changes(publish, first, second):
    publish(first, "1.0.0")
    before = dict(publish.repo.commits)
    done = publish(second, "1.0.0")
    assert done.returncode == 2
    assert "v1.0.0" in done.stderr
    assert "another release" in done.stderr
    assert publish.repo.commits == before


def test_the_next_version_sends_only_what_changed_and_removes_what_vanished(publish, hub, first, second):
    publish(first, "1.0.0")
    stray = {**publish.repo.commits[publish.repo.head].files, "data/default/train-00001.parquet": b"PAR1"}
    hub.commit(publish.name, stray)
    hub.bodies.clear()
    done = publish(second, "1.1.0", "--changes", "Another seed.")
    assert done.returncode == 0, done.stderr
    assert files_at(publish.repo, "v1.1.0").keys() == EVERYTHING
    assert files_at(publish.repo, "v1.0.0")["data/default/train-00000.parquet"] == (first / DATA[0]).read_bytes()
    sent = {line.split("/")[-1] for line in hub.bodies if line.startswith("PUT /lfs/")}
    changed = {path for path in DATA if (first / path).read_bytes() != (second / path).read_bytes()}
    assert sent == {hashlib.sha256((second / path).read_bytes()).hexdigest() for path in changed}
    assert len(changed) < len(DATA)  # `rejected` is the same
    changelog = json.loads(files_at(publish.repo, "v1.1.0")["manifest.json"])["publication"]["changelog"]
    assert [entry["version"] for entry in changelog] == ["1.1.0", "1.0.0"]
    assert changelog[0]["changes"] == ["Another seed.", "seed: was 0, is now 1"]
    assert publish(first, "1.0.0").returncode == 0  # still there, still equal
    late = publish(first, "1.0.1")
    assert late.returncode == 2
    assert "at version 1.1.0 already" in late.stderr


def test_a_repository_of_something_else_is_left_alone(publish, hub, first):
    head = hub.commit(publish.name, {"README.md": b"---\n---\n", "thesis.parquet": b"years of work"})
    done = publish(first, "1.0.0")
    assert done.returncode == 2
    assert "holds thesis.parquet" in done.stderr
    assert publish.repo.head == head


def test_a_repository_made_on_the_web_page_is_taken(publish, hub, first):
    hub.commit(publish.name, {"README.md": b"---\nlicense: mit\n---\n", ".gitattributes": b""})
    assert publish(first, "1.0.0").returncode == 0


def test_a_dry_run_lists_what_would_change_and_changes_nothing(publish, hub, first, second):
    done = publish(first, "1.0.0", "--dry-run", "--private")
    assert f"create   private repository {publish.name}" in done.stdout
    assert "add      data/tokens/train-00000.parquet" in done.stdout
    assert ("dataset", publish.name) not in hub.repos
    publish(first, "1.0.0")
    stray = {**publish.repo.commits[publish.repo.head].files, "old.txt": b""}
    hub.commit(publish.name, stray)
    hub.requests.clear()
    done = publish(second, "2.0.0", "--dry-run")
    assert "replace  data/default/train-00000.parquet" in done.stdout
    assert "remove   old.txt" in done.stdout
    kept = [path for path in (*DATA, *PLOTS) if (first / path).read_bytes() == (second / path).read_bytes()]
    assert f"keep     {len(kept)} files" in done.stdout
    assert "tag      v2.0.0" in done.stdout
    assert not changing(hub.requests)


def away(request):
    raise HubError(503, "Unavailable", "Service Unavailable")


def test_a_dry_run_needs_no_token(publish, hub, first, second):
    anybody = {"environment": {"HF_TOKEN": ""}}
    done = publish(first, "1.0.0", "--dry-run", **anybody)
    assert done.returncode == 0, done.stderr
    assert "no token: what is private is not seen; publishing needs HF_TOKEN" in done.stdout
    assert f"create   repository {publish.name}" in done.stdout
    listed = re.findall(r"^add +(\S+)  ([\d,]+) bytes$", done.stdout, re.M)
    assert {path for path, _ in listed} == EVERYTHING - {".gitattributes"}
    total = sum(int(size.replace(",", "")) for _, size in listed)
    assert f"in all   {len(listed)} files, {total:,} bytes, in one commit to" in done.stdout
    assert f"/datasets/{publish.name}\n" in done.stdout
    publish(first, "1.0.0")
    assert "replace  data/default/train-00000.parquet" in publish(second, "1.1.0", "--dry-run", **anybody).stdout
    publish.repo.private = True
    assert "create   repository" in publish(second, "1.1.0", "--dry-run", **anybody).stdout
    hub.before = away
    done = publish(first, "1.0.0", "--dry-run", **anybody)
    assert "no token: nor can the Hub be reached (" in done.stdout
    assert f"create   repository {publish.name}" in done.stdout


def test_the_croissant_file_names_the_files_at_the_tag(publish, first):
    publish(first, "1.0.0")
    files = files_at(publish.repo, "v1.0.0")
    said = json.loads(files["croissant.json"])
    assert said["version"] == "1.0.0"
    found = {entry["contentUrl"]: entry["sha256"] for entry in said["distribution"] if "contentSize" in entry}
    place = f"https://huggingface.co/datasets/{publish.name}/resolve/v1.0.0/"
    assert found == {f"{place}{path}": hashlib.sha256(files[path]).hexdigest() for path in DATA}


def test_private(publish, first):
    assert publish(first, "1.0.0", "--private").returncode == 0
    assert publish.repo.private
    assert publish(first, "1.0.0", "--private").returncode == 0


def test_private_is_not_ignored_where_everybody_can_read(publish, hub, first):
    hub.commit(publish.name, {".gitattributes": b""})
    done = publish(first, "1.0.0", "--private")
    assert done.returncode == 2
    assert "is there already and public" in done.stderr
    assert not changing(hub.requests)


def test_a_changed_release_is_not_published(publish, hub, first, tmp_path):
    for name, change, message in (
        ("edited", lambda r: (r / "README.md").write_text("mine"), "README.md was changed after it was built"),
        ("short", lambda r: (r / DATA[1]).unlink(), f"{DATA[1]} is missing"),
        ("more", lambda r: (r / "notes.txt").write_text("mine"), "notes.txt is not part of it"),
    ):
        shutil.copytree(first, tmp_path / name)
        change(tmp_path / name)
        done = publish(tmp_path / name, "1.0.0")
        assert done.returncode == 2
        assert message in done.stderr
    assert not hub.requests


def test_a_release_without_rows_is_not_published(publish, hub, first, tmp_path):
    shutil.copytree(first, tmp_path / "empty")
    manifest = json.loads((first / "manifest.json").read_text())
    manifest["summary"]["stages"]["all"] = 0
    (tmp_path / "empty" / "manifest.json").write_text(json.dumps(manifest))
    done = publish(tmp_path / "empty", "1.0.0")
    assert done.returncode == 2
    assert "has no rows" in done.stderr


def test_an_interim_release_is_published_only_where_that_is_asked_for(publish, hub, first, tmp_path):
    shutil.copytree(first, tmp_path / "early")
    manifest = json.loads((first / "manifest.json").read_text()) | {"interim": {"finished": 3, "unfinished": 1200}}
    (tmp_path / "early" / "manifest.json").write_text(json.dumps(manifest))
    done = publish(tmp_path / "early", "0.1.0")
    assert done.returncode == 2
    assert "is an interim release: 1,200 of its rows are not finished" in done.stderr
    assert not hub.requests
    done = publish(tmp_path / "early", "0.1.0", "--interim")
    assert done.returncode == 0, done.stderr
    card = files_at(publish.repo, "v0.1.0")["README.md"].decode()
    assert "- interim: 1,200 rows are not finished yet" in card


def test_what_arrives_is_compared_with_the_release(publish, hub, first, second):
    publish(first, "1.0.0")
    wrong = dict(files_at(publish.repo, "v1.0.0")) | {DATA[0]: (second / DATA[0]).read_bytes()}
    hub.commit(publish.name, wrong)
    publish.repo.tags["v1.0.0"] = publish.repo.head
    done = publish(first, "1.0.0")
    assert done.returncode == 1
    assert f"config default of {publish.name} at v1.0.0 differs from the release at row 0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("token", "repo", "message"),
    [
        ("", "me/d", "set HF_TOKEN"),
        ("hf_expired", "me/d", "does not accept your token"),
        (READ_TOKEN, "me/d", "may only read"),
        (TOKEN, "you/d", "may not write to you/"),
    ],
)
def test_what_a_token_may_not_do_is_said_before_anything_is_done(hub, zygote, first, token, repo, message):
    hub.requests.clear()
    arguments = ("builder.publish", str(first), "--repo", repo, "--version", "1.0.0")
    done = zygote.run(*arguments, environment={"HF_TOKEN": token})
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not token or token not in done.stderr + done.stdout
    assert not changing(hub.requests)


@pytest.mark.parametrize(
    ("repo", "version", "message"),
    [
        ("just-a-name", "1.0.0", "has the form USER/NAME"),
        ("me/d", "v1.0", "must be three numbers"),
        ("me/d", "1.0.0-rc1", "must be three numbers"),
    ],
)
def test_wrong_names_are_one_line(zygote, first, repo, version, message):
    done = zygote.run("builder.publish", str(first), "--repo", repo, "--version", version)
    assert done.returncode == 2
    assert message in done.stderr
