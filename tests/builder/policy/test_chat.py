import pytest

from builder.config import Target
from builder.errors import InputError
from builder.policy.chat import Chat


def reference(smollm2):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(smollm2)


def test_prompt_is_exactly_the_template_of_transformers(chat, smollm2):
    messages = chat.messages("What is $2+2$?")
    tokenizer = reference(smollm2)
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = chat.plain_prompt("What is $2+2$?")
    assert chat.prompt_text(ids) == text
    assert ids == tokenizer.apply_chat_template(messages, add_generation_prompt=True).input_ids


def test_completion_ends_with_the_end_of_turn_and_decodes_to_itself(chat):
    text = "  So $x = \\frac{1}{2}$.\n\nThe answer is \\boxed{½}."
    ids = chat.completion(text)
    assert ids[-1] == chat.end_of_turn_id
    assert chat.text(ids) == text
    assert not chat.has_control_token(ids)


def test_any_stop_token_is_taken_off_the_text_once(chat):
    body = chat.completion("four")[:-1]
    for stop in chat.stop_ids:
        assert chat.text([*body, stop]) == "four"
    assert chat.text(body) == "four"


def test_control_tokens_are_found_in_the_middle_only(chat):
    body = chat.completion("four")
    assert chat.has_control_token([chat.end_of_turn_id, *body])
    assert chat.control_token_in("a <|im_end|> b") == "<|im_end|>"
    assert chat.control_token_in("a < b, |x| > 2") is None


def test_system_prompt_of_the_target_is_a_turn_of_its_own(smollm2, target):
    chat = Chat(smollm2, target.model_copy(update={"system_prompt": "Be brief."}))
    assert chat.messages("p")[0] == {"role": "system", "content": "Be brief."}
    text = chat.prompt_text(chat.plain_prompt("p"))
    assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert "SmolLM" not in text


def test_a_pinned_template_variable_reaches_the_template(smollm2, target, tmp_path):
    import shutil

    shutil.copytree(smollm2, tmp_path / "m", ignore=shutil.ignore_patterns("*.safetensors"))
    date = "{{ date_string if date_string is defined else strftime_now('%d %b %Y') }}"
    template = "{{ bos_token }}" + date + "{{ messages[0].content }}"
    (tmp_path / "m" / "chat_template.jinja").write_text(template)
    pinned = target.model_copy(update={"template_kwargs": {"date_string": "26 Jul 2024"}, "examples": []})
    chat = Chat(tmp_path / "m", pinned)
    ids = chat.plain_prompt("p")
    assert chat.prompt_text(ids).startswith("<|im_start|>26 Jul 2024p")
    assert ids.count(1) == 1  # one BOS: the template's own


def test_guided_prompt_holds_problem_and_solution(chat):
    text = chat.prompt_text(chat.guided_prompt("PROBLEM", "SOLUTION"))
    assert "PROBLEM" in text
    assert "SOLUTION" in text
    assert len(chat.guided_prompt("p", "s")) > len(chat.plain_prompt("p"))


def test_a_stop_token_that_the_vocabulary_lacks_is_an_error(smollm2, target):
    fields = target.model_dump() | {"stop_tokens": ["<|eot_id|>"], "end_of_turn": "<|eot_id|>"}
    with pytest.raises(InputError, match=r"eot_id.*not in the vocabulary"):
        Chat(smollm2, Target(**fields))


def test_many_at_once_are_the_same_as_one_by_one(chat):
    texts = [f"Line {n}\n\n ½ \\frac{{{n}}}{{7}}" * n for n in range(1, 9)]
    assert chat.plain_prompts(texts) == [chat.plain_prompt(text) for text in texts]
    assert chat.completions(texts) == [chat.completion(text) for text in texts]
    assert chat.plain_prompts([]) == chat.completions([]) == []


def test_a_tokenizer_file_that_asks_for_truncation_truncates_nothing(smollm2, target, tmp_path, chat):
    import shutil

    from tokenizers import Tokenizer

    shutil.copytree(smollm2, tmp_path / "m", ignore=shutil.ignore_patterns("*.safetensors"))
    changed = Tokenizer.from_file(str(smollm2 / "tokenizer.json"))
    changed.enable_truncation(8)
    changed.enable_padding(length=8)
    changed.save(str(tmp_path / "m" / "tokenizer.json"))
    other = Chat(tmp_path / "m", target)
    assert other.completion("word " * 20) == chat.completion("word " * 20)
    assert other.hashes() == chat.hashes()
