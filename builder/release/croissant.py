"""`croissant.json`: a release for machines, in Croissant 1.1 with RAI fields, and PROV-O for where it comes from.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, https://mlcommons.org/croissant/RAI/1.0,
https://www.w3.org/TR/prov-o/
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builder.hub import HUB_ID
from builder.release.described import base_model, keywords, licenses, loadable, title
from builder.release.records import CONFIGS, Column

CROISSANT = "croissant.json"
_HUB = "https://huggingface.co"
_PARQUET = "application/x-parquet"
_OURS = (
    "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isArray", "arrayShape", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in _OURS},
}
_CITATION = (
    "@article{zhao2025mind, title={Mind the Gap: Data Rewriting for Stable Off-Policy Supervised Fine-Tuning}, "
    "author={Zhao, Shiwan and Zhao, Xuyang and Zhou, Jiaming and Kong, Aobo and Li, Qicheng and Qin, Yong}, "
    "journal={arXiv preprint arXiv:2509.15157}, year={2025}}"
)
_REPO = "repository"  # id of the published repository as a whole


def render_croissant(release: Path, manifest: dict[str, Any]) -> str:
    """The Croissant file of a release.

    Args:
        release: its directory, with its data files.
        manifest: of the release, with the facts about its data files. With a member `publication`, files are those of
            a version of a Hub repository, at its tag; without, those in the directory of the file.
    """
    configs = loadable(manifest)
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": title(manifest),
        "description": _description(manifest),
        "license": licenses(manifest),
        "keywords": keywords(manifest),
        "inLanguage": "en",
        "datePublished": manifest["created"][:10],
        "citeAs": _CITATION,
        **_published(manifest),
        "distribution": [*_repository(manifest), *_files(manifest, configs), *(_set(manifest, c) for c in configs)],
        "recordSet": [_records(release, config) for config in configs],
        **_responsible(manifest),
        **_provenance(manifest),
    }
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _description(manifest: dict[str, Any]) -> str:
    stages, model = manifest["summary"]["stages"], base_model(manifest)
    return (
        f"Problems with solutions rewritten by {model}, the model that is to be trained on them, so that supervised "
        f"fine-tuning stays close to its policy. Of {stages['all']} rows, {stages['self_alignment']} keep an answer of "
        f"its own, {stages['guided_alignment']} a retelling of the expert's solution, and {stages['fallback']} the "
        "expert's text; with log-probs under the policy."
    )


def _published(manifest: dict[str, Any]) -> dict[str, Any]:
    if not (publication := manifest.get("publication")):
        return {}
    version = publication["version"]
    return {"url": f"{_HUB}/datasets/{publication['repo']}/tree/v{version}", "version": version}


def _repository(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The repository at the version's tag, which the sets of files are in; none of a release that has no place yet."""
    if not (publication := manifest.get("publication")):
        return []
    return [
        {
            "@type": "cr:FileObject",
            "@id": _REPO,
            "name": _REPO,
            "description": "The repository at the tag of this version.",
            "contentUrl": f"{_HUB}/datasets/{publication['repo']}/tree/refs%2Ftags%2Fv{publication['version']}",
            "encodingFormat": "git+https",
            # Croissant asks for one, and a repository has none; each file below has its own.
            "sha256": "https://github.com/mlcommons/croissant/issues/80",
        }
    ]


def _files(manifest: dict[str, Any], configs: list[str]) -> list[dict[str, Any]]:
    """Every data file with its checksum."""
    publication, where = manifest.get("publication"), ""
    if publication:
        where = f"{_HUB}/datasets/{publication['repo']}/resolve/v{publication['version']}/"
    return [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path.rpartition("/")[2],
            "contentUrl": f"{where}{path}",
            "contentSize": f"{facts['bytes']} B",
            "encodingFormat": _PARQUET,
            "sha256": facts["sha256"],
        }
        for path, facts in manifest["files"].items()
        if path.startswith(tuple(f"data/{config}/" for config in configs))
    ]


def _set(manifest: dict[str, Any], config: str) -> dict[str, Any]:
    found = {
        "@type": "cr:FileSet",
        "@id": f"{config}-files",
        "name": f"{config}-files",
        "encodingFormat": _PARQUET,
        "includes": f"data/{config}/*.parquet",
    }
    return found | ({"containedIn": {"@id": _REPO}} if manifest.get("publication") else {})


def _records(release: Path, config: str) -> dict[str, Any]:
    there = pq.read_schema(next((release / "data" / config).glob("*.parquet"))).names  # an earlier version wrote fewer
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "field": [_field(config, column) for column in CONFIGS[config] if column.name in there],
    }


def _field(config: str, column: Column) -> dict[str, Any]:
    name = f"{config}/{column.name}"
    source = {"fileSet": {"@id": f"{config}-files"}, "extract": {"column": column.name}}
    field = {"@type": "cr:Field", "@id": name, "name": column.name, "description": column.meaning, "source": source}
    if not pa.types.is_list(column.type):
        return field | {"dataType": _type(column.type)}
    field |= {"isArray": True, "arrayShape": "-1"}
    inner = column.type.value_type
    if not pa.types.is_struct(inner):
        return field | {"dataType": _type(inner)}
    parts = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{part.name}",
            "name": part.name,
            "dataType": _type(part.type),
            "source": source | {"transform": {"jsonPath": part.name}},
        }
        for part in inner
    ]
    return field | {"subField": parts}


def _type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Boolean" if pa.types.is_boolean(kind) else "sc:Text"


def _responsible(manifest: dict[str, Any]) -> dict[str, Any]:
    """The RAI fields that can be said of every release."""
    sampling, verifier, model = manifest["sampling"], manifest["verifier"]["version"], base_model(manifest)
    judge = manifest["verifier"].get("judged_by")
    opinion = f" (the opinion of {judge}: nothing is verified)" if judge else ""
    chosen = manifest["reselection"]["meaning"] if "reselection" in manifest else "one at random"
    return {
        "rai:dataCollectionType": ["Machine generated", "Secondary Data Analysis"],
        "rai:dataCollection": (
            f"To every problem of the sources, {model} drew up to {sampling['candidates']} answers at temperature "
            f"{sampling['temperature']:g}; where none could be kept, as many retellings of the expert's solution, "
            f"which was in the prompt. Kept of those that may be: {chosen}; where none may be, the expert's text."
        ),
        "rai:dataAnnotationProtocol": (
            f"Every candidate was judged against the source's gold answer by {verifier}{opinion}, and by the rules "
            "that manifest.json lists; no person took part."
        ),
        "rai:machineAnnotationTools": [verifier],
        "rai:dataPreprocessingProtocol": [
            "Source rows that could not be used are in the record set `rejected`, each with its reason."
        ],
        "rai:dataUseCases": [
            f"Supervised fine-tuning of {model}. For another model it is expert data like any other, and its log-probs "
            "do not hold."
        ],
        "rai:dataLimitations": [
            "Correct means that the verifier found the final answer right; the steps before it are checked in part at "
            "most. The sources' errors in gold answers are in here too."
        ],
        "rai:dataBiases": [
            "Texts have the habits of the one model that wrote them, and are chosen for being judged correct: problems "
            "that it cannot solve keep the expert's style."
        ],
        "rai:personalSensitiveInformation": ["Not looked for: what the sources hold is in here too."],
        "rai:dataReleaseMaintenancePlan": "A published version never changes; what is new has a version of its own.",
    }


def _provenance(manifest: dict[str, Any]) -> dict[str, Any]:
    """What it was made from, how, and by what."""
    tool, target = manifest["tool"], manifest["target"]
    parents = [made["parent"] for key in ("reselection", "reverification") if (made := manifest.get(key))]
    if realigned := manifest["settings"].get("realign"):
        parents.append(realigned["parent"])
    agents = [_agent(" ".join(filter(None, (tool["name"], tool["version"], tool["commit"]))))]
    agents += [_agent(engine) for engine in filter(None, [manifest["engine"]])]
    return {
        "prov:wasDerivedFrom": [
            *(
                _entity(source.get("repo") or source["name"], source["revision"], "datasets/")
                for source in manifest["sources"]
            ),
            *(_entity(parent["name"], f"manifest sha256 {parent['manifest']}") for parent in parents),
        ],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": "Rewriting by the target policy (arXiv:2509.15157)",
            "prov:endedAtTime": manifest["created"],
            "prov:used": [_entity(base_model(manifest), target["revision"])],
            "prov:wasAssociatedWith": agents,
        },
    }


def _entity(name: str, revision: str | None, kind: str = "") -> dict[str, Any]:
    place = {"@id": f"{_HUB}/{kind}{name}"} if HUB_ID.fullmatch(name) else {}
    return place | {"@type": "prov:Entity", "prov:label": f"{name} at {revision}" if revision else name}


def _agent(label: str) -> dict[str, Any]:
    return {"@type": "prov:SoftwareAgent", "prov:label": label}
