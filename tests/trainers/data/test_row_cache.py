import json
import shutil
import threading
import time

import numpy as np
import pytest

from builder.errors import InputError
from builder.policy.chat import Chat
from builder.release.open import open_release
from trainers.data import text_rows as text
from trainers.data.release_rows import release_rows
from trainers.data.row_cache import cached
from trainers.data.rows import Row, Rows
from trainers.data.text_rows import text_rows


def row(name, mask=None):
    numbers = np.arange(3, dtype=np.int32)
    return Row(name, numbers[:2], numbers, np.full(3, np.nan, np.float32), -numbers.astype(np.float32), mask, 0.5)


@pytest.fixture
def encoded(monkeypatch):
    """Conversations that have been tokenized so far."""
    seen = []
    encode = text.encode

    def counting(conversations, chat):
        seen.extend(conversations)
        return encode(conversations, chat)

    monkeypatch.setattr(text, "encode", counting)
    return seen


def test_rows_come_back_as_they_were_made(chat):
    rows = [row("a"), row("b", np.array([True, False, True]))]
    made, again = (cached(lambda: iter(rows), "none", chat, "as they were") for _ in range(2))
    assert made.sha256 == again.sha256 == Rows(rows).sha256
    assert again[1].learned.tolist() == [True, False, True]
    assert (again.weights.tolist(), again.lengths.tolist(), len(again)) == ([0.5, 0.5], [5, 5], 2)


def test_that_there_are_none_is_said(chat):
    for _ in range(2):
        with pytest.raises(InputError, match="there are none"):
            cached(lambda: iter([]), "there are none", chat, "none")


def test_one_of_many_processes_makes_them(chat):
    made, results = [], []

    def make():
        made.append(1)
        time.sleep(0.3)
        yield row("a")

    threads = [threading.Thread(target=lambda: results.append(cached(make, "none", chat, "many"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), [rows.ids for rows in results]) == (1, [["a"]] * 3)


def test_what_goes_wrong_is_said_as_it_was_and_not_kept(chat):
    def fail():
        yield row("a")
        raise InputError("row 7 is wrong")

    with pytest.raises(InputError, match=r"^row 7 is wrong$"):
        cached(fail, "none", chat, "mended")
    assert cached(lambda: iter([row("a")]), "none", chat, "mended").ids == ["a"]


def test_text_is_tokenized_again_where_data_template_or_tokenizer_are_others(tmp_path, smollm2, target, chat, encoded):
    def files_of(folder):
        folder.mkdir()
        for pattern in ("tokenizer*", "*.jinja"):
            for file in smollm2.glob(pattern):
                shutil.copy(file, folder / file.name)
        return folder

    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"prompt": "1 + 1?", "completion": "2"}) + "\n")
    first = text_rows(str(data), "train", chat)
    assert text_rows(str(data), "train", chat).sha256 == first.sha256
    assert len(encoded) == 1

    template = files_of(tmp_path / "template")
    (template / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}")
    other = text_rows(str(data), "train", Chat(template, target))
    assert len(encoded) == 2
    assert other[0].prompt_ids.tolist() != first[0].prompt_ids.tolist()

    tokenizer = files_of(tmp_path / "tokenizer")
    content = json.loads((tokenizer / "tokenizer.json").read_text())
    content["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    (tokenizer / "tokenizer.json").write_text(json.dumps(content))
    other = text_rows(str(data), "train", Chat(tokenizer, target))
    assert len(encoded) == 3
    assert other[0].completion_ids.tolist() != first[0].completion_ids.tolist()

    text_rows(str(data), "train", Chat(smollm2, target.model_copy(update={"end_of_turn": "<|endoftext|>"})))
    assert len(encoded) == 4

    data.write_text(json.dumps({"prompt": "1 + 1?", "completion": "two"}) + "\n")
    [changed] = text_rows(str(data), "train", chat)
    assert changed.completion_ids.tolist() == chat.completion("two")


def test_the_expert_is_tokenized_once(release, tiny_model, tiny_target, monkeypatch):
    chat, opened = Chat(tiny_model, tiny_target), open_release(str(release))
    first = release_rows(opened, "expert", chat)
    monkeypatch.setattr(Chat, "completion", lambda *_: pytest.fail("tokenized again"))
    assert release_rows(opened, "expert", chat).sha256 == first.sha256
