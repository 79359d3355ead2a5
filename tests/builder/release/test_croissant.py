"""The Croissant file of a release, as its own reference implementation reads it."""

import json

import polars as pl
import pytest

from builder.release.croissant import render_croissant
from builder.release.described import loadable
from builder.release.manifest import read_manifest
from builder.release.records import CONFIGS

PUBLICATION = {"publication": {"repo": "me/d", "version": "1.0.0", "changelog": []}}


@pytest.fixture
def manifest(first_release):
    return read_manifest(first_release)


def said(release, manifest):
    return json.loads(render_croissant(release, manifest))


def issues(file):
    mlcroissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
    found = mlcroissant.Dataset(str(file)).metadata.ctx.issues
    return list(found.errors), list(found.warnings)


def test_the_reference_implementation_finds_nothing_wrong(first_release, manifest, tmp_path):
    errors, warnings = issues(first_release / "croissant.json")
    assert errors == []
    assert [text for text in warnings if "schema.org/version" not in text] == []  # it gets one when it is published
    published = tmp_path / "croissant.json"
    published.write_text(render_croissant(first_release, manifest | PUBLICATION))
    assert issues(published) == ([], [])


def test_the_reference_implementation_reads_the_rows(first_release, manifest):
    mlcroissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
    dataset = mlcroissant.Dataset(str(first_release / "croissant.json"))
    for config in loadable(manifest):
        rows = pl.read_parquet(first_release / "data" / config / "*.parquet")
        found = list(dataset.records(config))
        assert [row[f"{config}/id"].decode() for row in found] == rows["id"].to_list(), config
        assert list(found[0]) == [f"{config}/{column.name}" for column in CONFIGS[config]]
    (row, *_) = dataset.records("default")
    turn = {"role": b"assistant", "content": b"It is \\boxed{0}"}
    assert row["default/completion"] == [{f"default/completion/{name}": text for name, text in turn.items()}]


def test_every_file_is_there_with_its_checksum(first_release, manifest):
    described = said(first_release, manifest)
    promised = {entry["@id"]: entry["sha256"] for entry in described["distribution"] if "contentSize" in entry}
    data = {path: facts["sha256"] for path, facts in manifest["files"].items() if path.startswith("data/")}
    assert promised == data


def test_a_config_without_rows_and_a_column_that_an_earlier_version_lacks_are_not_described(manifest, tmp_path):
    manifest["summary"]["candidates"] = 0
    for config in loadable(manifest):
        (tmp_path / "data" / config).mkdir(parents=True)
        pl.DataFrame({"id": ["a"], "unheard_of": [1]}).write_parquet(tmp_path / "data" / config / "train-00000.parquet")
    described = said(tmp_path, manifest)
    sets = {records["@id"]: [field["name"] for field in records["field"]] for records in described["recordSet"]}
    assert sets == {config: ["id"] for config in ("default", "tokens", "expert", "rejected")}
    assert not [entry for entry in described["distribution"] if "candidates" in entry["@id"]]


def test_it_says_where_a_release_comes_from(first_release, manifest):
    manifest["sources"] = [
        {"name": "numinamath-cot", "repo": "AI-MO/NuminaMath-CoT", "revision": "abc", "license": "mit"}
    ]
    manifest["reselection"] = {"meaning": "the shortest", "parent": {"name": "me/parent", "manifest": "f" * 64}}
    described = said(first_release, manifest)
    source, parent = described["prov:wasDerivedFrom"]
    assert source["@id"] == "https://huggingface.co/datasets/AI-MO/NuminaMath-CoT"
    assert source["prov:label"] == "AI-MO/NuminaMath-CoT at abc"
    assert parent["prov:label"] == f"me/parent at manifest sha256 {'f' * 64}"
    made = described["prov:wasGeneratedBy"]
    assert made["prov:used"][0]["prov:label"] == f"HuggingFaceTB/SmolLM2-135M-Instruct at {'a' * 40}"
    assert made["prov:endedAtTime"] == manifest["created"]
    assert [agent["prov:label"] for agent in made["prov:wasAssociatedWith"]][1:] == ["transformers 5"]
    assert "Kept of those that may be: the shortest;" in described["rai:dataCollection"]


def test_a_models_opinion_is_called_one(first_release, manifest):
    protocol = "rai:dataAnnotationProtocol"
    assert "opinion" not in said(first_release, manifest)[protocol]
    manifest["verifier"]["judged_by"] = "me/judge"
    assert "(the opinion of me/judge: nothing is verified)" in said(first_release, manifest)[protocol]
