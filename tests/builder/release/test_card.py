import copy
import json
import re

import polars as pl
import pytest
import yaml
from datasets import Features, load_dataset
from huggingface_hub import DatasetCard

from builder.config import Rules, load_target
from builder.method.rule_words import MEANING
from builder.release.card import render_card
from builder.release.excerpts import excerpts
from builder.release.manifest import without_paths
from builder.release.records import CONFIGS, STAGES, schema
from scripts.render_cards import CARDS, card, carded, planned


@pytest.fixture
def manifest(first_release):
    return json.loads((first_release / "manifest.json").read_text())


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def tables(text):
    """Lines of tables outside code blocks."""
    prose = re.sub(r"^```.*?^```$", "", text.split("---\n", 2)[2], flags=re.DOTALL | re.MULTILINE)
    return [line for line in prose.splitlines() if line.startswith("|")]


def test_the_front_matter_declares_what_the_files_hold(manifest):
    front = front_matter(render_card(manifest))
    assert [config["config_name"] for config in front["configs"]] == list(CONFIGS)
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["default"]
    for info in front["dataset_info"]:
        declared = Features._from_yaml_list(info["features"])
        assert declared.arrow_schema.remove_metadata() == schema(CONFIGS[info["config_name"]])
    assert front["size_categories"] == ["n<1K"]
    assert front["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert front["license"] == ["apache-2.0", "mit"]
    assert "source_datasets" not in front  # a source that is not on the Hub
    known = DatasetCard(render_card(manifest)).data  # as the Hub's client reads it
    assert (known.license, known.size_categories, known.task_categories) == (
        ["apache-2.0", "mit"],
        ["n<1K"],
        ["text-generation"],
    )


def test_a_config_without_rows_is_not_declared(manifest):
    text = render_card(manifest | {"summary": manifest["summary"] | {"rejected": {}}})
    front = front_matter(text)
    for declared in (front["configs"], front["dataset_info"]):
        assert [entry["config_name"] for entry in declared] == ["default", "tokens", "candidates", "expert"]
    assert "No source row was left out." in text
    assert '"rejected", split' not in text


def test_sources_and_licences_of_the_hub(manifest):
    numina = {"name": "numinamath-cot", "repo": "AI-MO/NuminaMath-CoT", "revision": "c0ffee", "license": "apache-2.0"}
    mine = {"name": "mine.jsonl", "file": "mine.jsonl", "revision": "sha256:0", "license": "All rights reserved"}
    text = render_card(manifest | {"sources": [numina, mine]})
    front = front_matter(text)
    assert front["source_datasets"] == ["AI-MO/NuminaMath-CoT"]
    assert front["license"] == ["apache-2.0", "other"]
    assert front["license_name"] == "see-the-section-licences"
    assert "attribution to the NuminaMath authors" in text
    assert "- Source `mine.jsonl`: All rights reserved." in text
    assert front_matter(render_card(manifest | {"sources": [mine | {"license": None}]}))["license"] == [
        "apache-2.0",
        "unknown",
    ]


def test_what_llama_asks_for():
    text = card(load_target("llama-3.1-8b-instruct"))
    assert "**Built with Llama**" in text
    assert 'rows.add_column("chat_template_kwargs", [{"date_string": "26 Jul 2024"}] * len(rows))' in text
    assert 'put "Llama" at the beginning of that model\'s name' in text
    assert "Acceptable Use Policy" in text
    assert "Copyright © Meta Platforms, Inc." in text
    assert front_matter(text)["license"] == ["llama3.1", "apache-2.0"]
    assert "Built with Llama" not in card(load_target("qwen2.5-math-7b"))


def test_numbers_are_those_of_the_release(manifest):
    text = render_card(manifest)
    assert "| self_alignment | 1 | 33.3% |" in text
    assert "2 candidates were drawn, 0 of them truncated: 2 correct." in text
    assert "Why the expert's text stayed: 1 unverifiable." in text
    assert "`rejected`: 1 duplicate." in text
    means = manifest["summary"]["logprobs"]["guided_alignment"]
    assert f"| guided_alignment | {means['expert_sum']:,.3f} | {means['kept_sum']:,.3f} |" in text


def test_every_table_row_has_the_cells_of_its_head(manifest):
    rows = tables(render_card(manifest))
    assert len(rows) > 60
    cells = 0
    for line, following in zip(rows, [*rows[1:], ""], strict=True):
        if following.startswith("| ---") or following.startswith("| | |"):
            cells = len(re.split(r"(?<!\\)\|", line))
        assert len(re.split(r"(?<!\\)\|", line)) == cells or line == "| | |", line


def test_a_published_card_loads_every_config_at_its_version(manifest):
    entries = [{"version": "1.1.0", "date": "2026-01-02", "changes": ["seed: was 0, is now 1"]}]
    published = manifest | {"publication": {"repo": "me/d", "version": "1.1.0", "changelog": entries}}
    text = render_card(published)
    assert 'load_dataset("me/d", revision="v1.1.0", split="train")' in text
    for config in ("tokens", "candidates", "rejected"):
        assert f'load_dataset("me/d", "{config}", revision="v1.1.0", split="train")' in text
    assert "### 1.1.0 (2026-01-02)\n\n- seed: was 0, is now 1\n" in text
    assert "PATH/OF" not in text


def test_the_code_for_tokens_and_messages_runs(manifest, first_release):
    text = render_card(manifest).replace("PATH/OF/THIS/DIRECTORY", str(first_release))
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    for block in blocks:
        compile(block, "card", "exec")
    (labelling,) = (block.split("trainer =")[0] for block in blocks if "def labelled" in block)
    (conversing,) = (block.split("messages.to_json")[0] for block in blocks if "def conversation" in block)
    names = {"load_dataset": load_dataset, "rows": load_dataset(str(first_release), split="train")}
    exec(labelling + conversing, names)
    row = names["labelled"](names["tokens"][0])
    assert len(row["input_ids"]) == len(row["labels"])
    *_, last = names["messages"][0]["messages"]
    assert last["role"] == "assistant"
    assert last.get("train", True)


def test_a_card_names_no_place_on_this_machine(manifest):
    local = copy.deepcopy(manifest)
    local["sources"] = [{"name": "mine.jsonl", "file": "mine.jsonl", "revision": "sha256:0", "license": None}]
    local["settings"]["sources"][0]["name"] = "/home/me/mine.jsonl"
    local["target"] |= {"model": "/home/me/model", "revision": "local-0"}
    local["settings"]["target"]["model"] = "/home/me/model"
    clean = without_paths(local)
    assert "/home/me" not in json.dumps(clean) + render_card(clean)
    assert "/home/me" not in render_card(local)
    assert clean["settings"]["sources"][0]["name"] == "mine.jsonl"
    assert "base_model" not in front_matter(render_card(clean))


@pytest.mark.parametrize("name", carded())
def test_the_rendered_cards_are_up_to_date(name):
    assert (CARDS / f"{name}.md").read_text() == card(load_target(name)), "run python -m scripts.render_cards"


def test_a_card_without_a_release_has_no_numbers_of_its_own():
    text = render_card(planned(load_target("qwen2.5-math-7b")))
    assert "has not been built yet" in text
    assert "These are counts of the authors' own data" in text
    assert "| self_alignment | 28,752 |" in text
    assert "nats. The sum" not in text
    assert "size_categories" not in front_matter(text)


def test_an_adaptive_build_does_not_claim_pass_rates(manifest):
    adaptive = manifest | {"sampling": manifest["sampling"] | {"scheme": "adaptive"}}
    text, fixed = render_card(adaptive), render_card(manifest)
    for said in ("is not a pass rate", "is no unbiased pass rate", "| own answers correct |"):
        assert said in text
        assert said not in fixed
    assert "own pass rate" in fixed
    assert "own pass rate" not in text


def test_answers_experts_kinds_and_origins_are_counted(manifest):
    text = render_card(manifest)
    assert "How the kept ones state their answer: 2 boxed; all candidates: 2 boxed." in text
    assert "What the problems ask for: 2 value, 1 none." in text
    assert "The verifier on the expert's own solutions, where the gold answer is usable: 2 correct." in text
    assert "| cn_k12 | 2 | 0 | 1 | 1 | - |" in text
    assert "| olympiads | 1 | 1 | 0 | 0 | 100.0% |" in text


def test_a_manifest_of_an_earlier_version_has_a_card_too(manifest):
    new = ("answer_forms", "candidate_answer_forms", "answer_kinds", "expert_verdicts", "origins", "excerpts")
    summary = {name: value for name, value in manifest["summary"].items() if name not in new}
    text = render_card(manifest | {"summary": summary, "rules": {"max_copy_rate": 0.8, "forbid_mentions": True}})
    assert "| `max_copy_rate` | 80% |" in text
    assert "accept_answers" not in text
    assert "| rules |" not in text


def test_the_card_says_every_rule_and_whose_it_is(manifest):
    assert set(MEANING) == set(Rules.model_fields)
    text = render_card(manifest)
    assert "| rules | default (the tool's own) |" in text
    assert "| `accept_answers` | stated | laxest form" in text
    rules = Rules.named("paper")
    text = render_card(manifest | {"rules": {"name": rules.name, **rules.model_dump()}})
    assert "| rules | paper (the paper's: the answer alone decides) |" in text
    assert "| `forbid_contradictions` | kept |" in text
    assert "| `max_copy_rate` | no limit |" in text


def test_a_row_of_each_stage_is_shown_shortened_and_cannot_break_the_card(manifest):
    shown = manifest["summary"]["excerpts"]
    assert [row["stage"] for row in shown] == list(STAGES)
    text = render_card(manifest)
    assert all(row["problem"] in text for row in shown)
    assert text.count("~~~text\n") == text.count("\n~~~\n") == 3
    long = pl.LazyFrame(
        {
            "stage": ["fallback"] * 2,
            "problem": ["~~~\n" * 900, "short ~~~"],
            "expert_solution": ["x" * 500] * 2,
            "completion": [[{"role": "assistant", "content": None}]] * 2,
        }
    )
    (row,) = excerpts(long)
    assert row == {"stage": "fallback", "problem": "short ---", "expert": "x" * 400 + " …", "kept": ""}


def test_an_origin_cannot_break_the_card(manifest):
    origins = {"a | b\n<img src=x>": manifest["summary"]["origins"]["cn_k12"]}
    text = render_card(manifest | {"summary": manifest["summary"] | {"origins": origins}})
    assert "| a \\| b \\<img src=x\\> | 2 |" in text
