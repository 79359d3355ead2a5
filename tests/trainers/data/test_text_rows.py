import json

import pytest

from builder.errors import InputError
from builder.release.formats import FORMATS
from trainers.data.rows import Rows
from trainers.data.text_rows import text_rows


@pytest.fixture
def read(tmp_path, chat):
    """Reads rows as a file holds them, with the shipped target's template, whose prompts have worked examples."""

    def read(*rows):
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return text_rows(str(file), "train", chat)

    return read


def test_any_prompt_and_completion_dataset_in_either_form(read, chat):
    turns = {
        "id": "turns",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}],
        "completion": [{"role": "assistant", "content": "2"}],
    }
    [row] = read(turns)
    assert row.id == "turns"
    assert "Be brief." in chat.prompt_text(row.prompt_ids.tolist())
    assert row.completion_ids.tolist() == chat.completion("2")
    [row] = read({"prompt": "1 + 1?", "completion": "2"})
    assert row.prompt_ids.tolist() == chat.encode([{"role": "user", "content": "1 + 1?"}])
    assert row.learned.all()
    assert Rows([row]).without_reference == Rows([row]).without_behavior == 1


def test_our_own_export_gives_the_tokens_of_the_release(read, chat):
    completion = [{"role": "assistant", "content": "It is 4."}]
    fields = {"id": "a", "stage": "fallback", "prompt": chat.messages("2 + 2?"), "completion": completion}
    [exported] = FORMATS["messages"].rows(fields)
    assert sum(turn["role"] == "assistant" for turn in exported["messages"]) == 3  # two examples before it
    [row] = read(exported)
    assert row.prompt_ids.tolist() == chat.plain_prompt("2 + 2?")
    assert row.completion_ids.tolist() == chat.completion("It is 4.")
    assert row.learned.all()


def test_every_assistant_turn_is_learned_unless_some_are_marked(read, chat):
    turns = [
        {"role": role, "content": content}
        for role, content in (("user", "a?"), ("assistant", "a!"), ("user", "b?"), ("assistant", "b!"), ("user", "c?"))
    ]
    [row] = read({"messages": turns})
    assert row.prompt_ids.tolist() == chat.encode(turns[:1])
    assert row.completion_ids[row.learned].tolist() == [*chat.completion("a!"), *chat.completion("b!")]
    marked = [turn | {"train": number == 1} for number, turn in enumerate(turns)]
    [row] = read({"messages": marked})
    assert row.completion_ids.tolist() == chat.completion("a!")  # what follows changes nothing


def test_a_weight_is_its_rows_own(read):
    rows = read({"prompt": "a", "completion": "b", "weight": 0.5}, {"prompt": "a", "completion": "b"})
    assert rows.weights.tolist() == [0.5, 1.0]


def test_a_dataset_of_more_rows_than_are_tokenized_at_a_time(read, monkeypatch):
    monkeypatch.setattr("trainers.data.text_rows._BATCH", 2)
    assert read(*({"prompt": f"{n}?", "completion": f"{n}!"} for n in range(5))).ids == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "p"}, "row 0: completion must be a text or a list of chat turns"),
        ({"prompt": "", "completion": []}, "row 0: completion must be"),
        ({"prompt": [{"role": "user"}], "completion": "c"}, "row 0: prompt: every turn needs"),
        ({"prompt": "p", "completion": [{"role": "user", "content": "c"}]}, "completion must be one assistant turn"),
        ({"conversations": [1]}, "row 0 has neither `messages` nor `prompt` and `completion`, but conversations"),
        ({"prompt": "p", "completion": "c", "weight": -1}, "row 0: weight must be a number from 0, not -1"),
        ({"prompt": "p", "completion": "c", "weight": "2"}, "row 0: weight must be a number from 0, not '2'"),
        ({"messages": "text"}, "row 0: messages must be a list of chat turns"),
        ({"messages": [{"role": "user", "content": "u"}]}, "messages: no assistant turn to learn from"),
        (
            {"messages": [{"role": "user", "content": "u", "train": True}]},
            "messages: only an assistant turn can be marked with `train`",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a", "train": "yes"}]},
            "messages: `train` must be true or false",
        ),
    ],
)
def test_malformed_text_is_named(read, fields, message):
    with pytest.raises(InputError, match=message):
        read(fields)


def test_a_dataset_that_is_not_there_is_one_line(tmp_path, chat):
    with pytest.raises(InputError, match=r"dataset .*none\.jsonl cannot be loaded"):
        text_rows(str(tmp_path / "none.jsonl"), "train", chat)
