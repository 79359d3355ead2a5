"""Targets from the files of handmade models, whose templates behave like those of the families."""

import json

import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from builder.build import main
from builder.config import Target, load_target
from builder.errors import InputError
from builder.policy.chat import Chat
from builder.policy.derive import as_yaml, derived, target_named

TURNS = "{% for m in messages %}"
END = "{% endfor %}"
CHATML = (
    TURNS + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}" + END
    + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)  # fmt: skip
DATED = "{{ bos_token + 'Today is ' + (date_string or strftime_now('%d %b %Y')) + '<|eot|>' }}"
LLAMA = DATED + TURNS + "{{ '<|header|>' + m.role + '\n' + m.content + '<|eot|>' }}" + END
GEMMA = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}{{ bos_token }}"
    + TURNS + "{{ '<start_of_turn>' + m.role + '\n' + m.content + '<end_of_turn>\n' }}" + END
)  # fmt: skip
MISTRAL = (
    "{{ bos_token }}" + TURNS + "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}" + END
)  # fmt: skip
THINKING = CHATML + "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think></think>' }}{% endif %}"
FAMILIES = {
    "chatml": (CHATML, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {}),
    "llama": (LLAMA, "<|eot|>", ["<|eot|>", "<|endoftext|>"], {"date_string": "26 Jul 2024"}),
    "gemma": (GEMMA, "<end_of_turn>", ["<end_of_turn>", "<|endoftext|>"], {}),
    "mistral": (MISTRAL, "<|endoftext|>", ["<|endoftext|>"], {}),
    "thinking": (THINKING, "<|im_end|>", ["<|im_end|>", "<|endoftext|>"], {"enable_thinking": False}),
}
SPECIAL = ["<s>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|header|>", "<|eot|>", "<start_of_turn>",
           "<end_of_turn>", "[INST]", "[/INST]"]  # fmt: skip


@pytest.fixture
def model(tmp_path):
    """Writes a model's files, and returns its folder."""

    def write(template=CHATML, folder="Handmade-1B", limit=10**30, **config):
        words = {word: number for number, word in enumerate(["[UNK]", "hello", "here", "is", "the", "answer"])}
        backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=backend, bos_token="<s>", eos_token="<|endoftext|>", unk_token="[UNK]",
            additional_special_tokens=SPECIAL[2:], model_max_length=limit, chat_template=template,
        )  # fmt: skip
        path = tmp_path / folder
        tokenizer.save_pretrained(path)
        content = {"max_position_embeddings": 32768, "dtype": "bfloat16"} | config
        (path / "config.json").write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("family", FAMILIES)
def test_end_of_turn_stop_tokens_and_switches_follow_from_the_template(model, family):
    template, end, stops, variables = FAMILIES[family]
    path = model(template)
    target = derived(str(path), path)
    assert (target.end_of_turn, target.stop_tokens, target.template_kwargs) == (end, stops, variables)
    chat = Chat(path, target)
    prompt = chat.plain_prompt("hello")
    assert prompt.count(chat.ids(["<s>"])[0][0]) <= 1  # no double BOS
    assert chat.text(chat.completion("the answer")) == "the answer"


def test_lengths_dtype_and_memory_follow_from_the_files(model):
    path = model(max_position_embeddings=4096, dtype="float16")
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 16 * 1024**3}}))
    target = derived("you/Handmade-1B", path, "a" * 40)
    assert (target.name, target.model, target.revision) == ("handmade-1b", "you/Handmade-1B", "a" * 40)
    assert (target.context_length, target.max_length, target.sampling.max_tokens) == (4096, 2048, 2048)
    assert (target.dtype, target.gpu_memory_gib) == ("float16", 23)


def test_the_part_that_writes_text_decides_and_small_models_need_no_gpu(model):
    path = model(text_config={"max_position_embeddings": 1024, "torch_dtype": "float32"}, dtype=None)
    target = derived(str(path), path)
    assert (target.context_length, target.max_length, target.dtype) == (1024, 512, "float32")
    assert target.gpu_memory_gib is None


def test_what_generation_stops_at_is_a_stop_token(model):
    path = model()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(path)
    ids = tokenizer.convert_tokens_to_ids(["<|eot|>", "<|im_end|>"])
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": ids}))
    assert derived(str(path), path).stop_tokens == ["<|im_end|>", "<|eot|>", "<|endoftext|>"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "has no chat template: it is no chat model"),
        ("{{ strftime_now('%d %b') }}" + CHATML, "writes today's date"),
        (TURNS + "{{ m.role + ': ' + m.content + '\n' }}" + END, "ends the assistant's turn with '.n' and no token"),
        (TURNS + "{% if m.role == 'user' %}{{ m.content }}{% endif %}" + END, "does not show what the assistant says"),
    ],
)
def test_what_the_files_do_not_say_is_refused_with_the_reason(model, template, message):
    path = model(template)
    with pytest.raises(InputError, match=message):
        derived(str(path), path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no config.json"):
        target_named(str(tmp_path))
    with pytest.raises(InputError, match=r"there is no folder \./nowhere"):
        target_named("./nowhere")


def test_it_is_printed_as_the_file_that_it_amounts_to(model, capsys, tmp_path):
    path = model()
    assert main(["--target", str(path), "--print-target"]) == 0
    printed = capsys.readouterr().out
    file = tmp_path / "mine.yaml"
    file.write_text(printed)
    assert load_target(str(file)) == derived(str(path), path)


def test_a_shipped_target_prints_as_itself():
    shipped = load_target("smollm2-135m-instruct")
    assert Target.model_validate(yaml.safe_load(as_yaml(shipped))) == shipped


def test_the_demos_model_is_derived_as_it_is_shipped(smollm2):
    found, shipped = derived(str(smollm2), smollm2), load_target("smollm2-135m-instruct")
    same = ("dtype", "end_of_turn", "template_kwargs", "gpu_memory_gib")
    assert {name: getattr(found, name) for name in same} == {name: getattr(shipped, name) for name in same}
