import shutil

import pytest
from transformers import PreTrainedTokenizerFast

from builder.errors import InputError
from builder.policy.chat import Chat
from trainers.data.conversation import Conversation, encode

TURNS = [
    {"role": role, "content": content}
    for role, content in (
        ("user", "What is 2 + 3?"),
        ("assistant", "<think>Easy.</think>It is 5."),
        ("user", "And one more?"),
        ("assistant", " Then it is 6.\n"),
    )
]
PLAIN = (
    "{% for m in messages %}<|im_start|>{{ m.role }}{{ '\n' }}{{ CONTENT }}<|im_end|>{{ '\n' }}{% endfor %}"
    "<|im_start|>assistant{{ '\n' }}"
)


@pytest.fixture
def chat_with(smollm2, target, tmp_path):
    """Makes the tokenizer's chat with another template."""

    def make(template):
        for file in smollm2.glob("tokenizer*"):
            shutil.copy(file, tmp_path / file.name)
        (tmp_path / "chat_template.jinja").write_text(template)
        return Chat(tmp_path, target)

    return make


def test_all_turns_together_are_the_tokens_of_the_template_and_each_is_learned_with_its_end(chat, smollm2):
    [encoded] = encode([Conversation("here", TURNS, [1, 3])], chat)
    ids = [*encoded.prompt_ids, *encoded.completion_ids]
    whole = PreTrainedTokenizerFast.from_pretrained(smollm2).apply_chat_template(TURNS, return_dict=False)
    assert whole[: len(ids)] == ids
    assert chat.prompt_text(whole[len(ids) :]) == "\n"  # after the last end of turn
    learned = [token for token, chosen in zip(encoded.completion_ids, encoded.learned, strict=True) if chosen]
    assert learned == [*chat.completion(TURNS[1]["content"]), *chat.completion(TURNS[3]["content"])]
    read = [token for token, chosen in zip(encoded.completion_ids, encoded.learned, strict=True) if not chosen]
    assert chat.prompt_text(read) == "\n<|im_start|>user\nAnd one more?<|im_end|>\n<|im_start|>assistant\n"


def test_a_template_that_trims_what_was_said(chat_with):
    chat = chat_with(PLAIN.replace("CONTENT", "m.content | trim"))
    turns = [TURNS[0], {"role": "assistant", "content": "It is 5.\n\n"}, *TURNS[2:]]
    [encoded] = encode([Conversation("here", turns, [1, 3])], chat)
    assert encoded.completion_ids[: len(chat.completion("It is 5."))] == chat.completion("It is 5.")
    assert encoded.learned.sum() == len(chat.completion("It is 5.")) + len(chat.completion(turns[3]["content"]))


def test_a_template_that_forgets_earlier_thinking_cannot_be_learned_but_in_its_last_turn(chat_with):
    kept = chat_with(PLAIN.replace("CONTENT", "m.content"))
    [encoded] = encode([Conversation("row 7", TURNS, [1, 3])], kept)
    assert encoded.completion_ids[:3] == kept.completion(TURNS[1]["content"])[:3]
    chat = chat_with(PLAIN.replace("CONTENT", "m.content.split('</think>')[-1]"))
    with pytest.raises(InputError, match=r"row 7, turn 1: the chat template .* mark the last turn alone with `train`"):
        encode([Conversation("row 7", TURNS, [1, 3])], chat)
    [encoded] = encode([Conversation("row 7", TURNS, [3])], chat)
    assert encoded.completion_ids == chat.completion(TURNS[3]["content"])
    assert "Easy" not in chat.prompt_text(encoded.prompt_ids)


def test_a_conversation_that_the_template_refuses_is_named(chat_with):
    chat = chat_with("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InputError, match=r"row 7: the chat template of .* refuses it: roles must alternate"):
        encode([Conversation("row 7", TURNS, [1])], chat)
