import pytest
import yaml

from builder.arguments import parser, settings_from
from builder.config import (
    Parallel,
    Rules,
    Sampling,
    Settings,
    SourceSpec,
    Target,
    list_targets,
    load_target,
)
from builder.errors import InputError


def settings(target, **changes):
    fields = {
        "target": target,
        "model_revision": "a" * 40,
        "sources": [SourceSpec(name="gsm8k")],
        "sampling": Sampling(),
        "engine": "transformers",
        "prompt_hashes": {"plain": "x"},
        "tool_version": "0",
    }
    return Settings(**fields | changes)


def test_shipped_targets_are_valid_and_carry_the_papers_sampling():
    assert {"llama-3.1-8b-instruct", "qwen2.5-math-7b", "smollm2-135m-instruct"} <= set(list_targets())
    for name in list_targets():
        target = load_target(name)
        assert target.name == name
        assert (target.sampling.candidates, target.sampling.temperature, target.sampling.top_p) == (
            10,
            1.0,
            1.0,
        )
        assert len(target.revision) == 40


def test_the_papers_rules_are_none_of_ours():
    paper = Rules.named("paper")
    assert (paper.name, Rules().name, Rules(forbid_echoes=False).name) == ("paper", "default", "custom")
    assert paper.accept_answers == "trailing"
    assert paper.max_copy_rate is None
    assert not any(value for field, value in paper if field.startswith("forbid_"))


def test_a_prompt_of_the_target_must_say_where_the_problem_goes():
    fields = load_target("smollm2-135m-instruct").model_dump()
    with pytest.raises(ValueError, match=r"guided_prompt lacks \{solution\}"):
        Target.model_validate(fields | {"guided_prompt": "{problem}"})


def test_llama_pins_the_date_of_its_template():
    assert load_target("llama-3.1-8b-instruct").template_kwargs == {"date_string": "26 Jul 2024"}


def test_qwen_base_stops_at_both_ends_and_teaches_one():
    target = load_target("qwen2.5-math-7b")
    assert target.end_of_turn == "<|im_end|>"
    assert set(target.stop_tokens) == {"<|im_end|>", "<|endoftext|>"}


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match=r"did you mean llama-3\.1-8b-instruct\?"):
        load_target("llama-3.1-8b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context_length": "many"}, "context_length"),
        ({"typo": 1}, "typo"),
        ({"stop_tokens": ["<|endoftext|>"]}, "end_of_turn"),
        ({"max_length": 4096}, "does not fit"),
        ({"sampling": {"temperature": 0}}, "sampling.temperature"),
        ({"parallel": {"tensor": 0}}, "parallel.tensor"),
        ({"parallel": {"expert": 2}}, "parallel.expert"),
        ({"vllm_args": ["--tensor-parallel-size", "2"]}, r"vllm_args: --tensor.*parallel: \{tensor: ...\}"),
        ({"vllm_args": ["-dp=2"]}, r"vllm_args: -dp=2 has a field of its own, parallel: \{data: ...\}"),
    ],
)
def test_a_faulty_target_file_is_one_line_that_names_the_field(tmp_path, target, change, message):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(target.model_dump(exclude_none=True) | change))
    with pytest.raises(InputError, match=message) as caught:
        load_target(str(file))
    assert "\n" not in str(caught.value)


def test_target_yaml_cannot_run_code(tmp_path):
    file = tmp_path / "evil.yaml"
    file.write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(InputError, match="not readable as YAML"):
        load_target(str(file))


def test_fingerprint_and_differences_follow_every_setting(target):
    one, other = settings(target), settings(target, seed=1, sampling=Sampling(top_p=0.9))
    assert one.fingerprint == settings(target).fingerprint
    assert one.fingerprint != other.fingerprint
    assert other.differences(one.model_dump(mode="json")) == [
        "sampling.top_p: was 1.0, is now 0.9",
        "seed: was 0, is now 1",
    ]
    assert one.differences(one.model_dump(mode="json")) == []


def test_a_changed_source_is_named_by_its_field(target):
    earlier = settings(target).model_dump(mode="json")
    now = settings(target, sources=[SourceSpec(name="gsm8k", split="test")])
    assert now.differences(earlier) == ["sources.0.split: was None, is now 'test'"]


def test_how_the_engine_spreads_over_gpus_is_no_setting_of_the_build(target):
    wide = settings(target.model_copy(update={"parallel": Parallel(tensor=2, data=4)}))
    assert wide.target.parallel.gpus == 8
    assert wide.fingerprint == settings(target).fingerprint
    assert wide.differences(settings(target).model_dump(mode="json")) == []


def test_every_rule_and_every_way_of_sampling_has_a_flag():
    options = {action.dest for action in parser()._actions}
    for model in (Rules, Sampling, SourceSpec):
        assert options >= model.model_fields.keys() - {"name"}


def test_the_command_line_changes_single_rules_and_leaves_the_targets_sampling(target):
    words = "--rules paper --max-copy-rate 0.5 --temperature 0.7 --source a.jsonl b.jsonl --id-field key --shard 2/8"
    made = settings_from(parser().parse_args(words.split()), target, "a" * 40, "vllm")
    assert made.rules == Rules.named("paper").model_copy(update={"max_copy_rate": 0.5})
    assert made.sampling == target.sampling.model_copy(update={"temperature": 0.7})
    assert made.sources == [SourceSpec(name=name, id_field="key") for name in ("a.jsonl", "b.jsonl")]
    assert (str(made.shard), made.seed, made.verifier_deadline) == ("2/8", 0, 5.0)
    words = "--allow-echoes --max-copy-rate off --accept-answers boxed"
    made = settings_from(parser().parse_args(words.split()), target, "a" * 40, "vllm")
    assert made.rules == Rules(forbid_echoes=False, max_copy_rate=None, accept_answers="boxed")


def test_a_verifier_brings_its_prompts_and_the_rules_that_can_read_its_texts(target):
    def made(words, target=target):
        return settings_from(parser().parse_args(words.split()), target, "a" * 40, "vllm")

    words = made("--verifier exact --metadata-fields aliases")
    assert (words.verifier.name, words.kind, words.sources[0].metadata_fields) == ("exact", "words", ["aliases"])
    assert words.rules == Rules().on("words")
    assert "Answer: " in words.target.plain_prompt
    assert words.prompt_hashes != made("").prompt_hashes
    own = made("--verifier exact", target.model_copy(update={"plain_prompt": "Say it: {problem}"}))
    assert own.target.plain_prompt == "Say it: {problem}"
    assert (made("").verifier, made("--verifier math").target) == (None, target)
    with pytest.raises(InputError, match="--accept-answers is about --verifier math"):
        made("--verifier exact --accept-answers boxed")
