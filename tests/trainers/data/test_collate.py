from dataclasses import replace

import numpy as np
import pytest

from trainers.data.collate import collate
from trainers.data.rows import Row

NAN = float("nan")


def row(name, prompt, completion):
    size = len(completion)
    behavior = np.arange(size, dtype=np.float32)
    return Row(name, np.array(prompt), np.array(completion), behavior, np.full(size, NAN, np.float32))


ROWS = [row("a", [1, 2, 3], [4, 5]), row("b", [6], [7, 8, 9])]


@pytest.mark.parametrize("batching", ["packed", "bucketed"])
def test_every_completion_token_is_predicted_from_the_position_before_it(batching):
    batch = collate(ROWS, batching)
    flat = batch["input_ids"].flatten()
    assert batch["targets"].tolist() == [4, 5, 7, 8, 9]
    assert flat[batch["predictors"]].tolist() == [3, 4, 6, 7, 8]
    assert flat[batch["predictors"] + 1].tolist() == batch["targets"].tolist()
    extra = batch["extra"]
    assert (extra.ids, extra.tokens) == (["a", "b"], 9)
    assert extra.sequence.tolist() == [0, 0, 1, 1, 1]
    assert extra.behavior.tolist() == [0, 1, 0, 1, 2]
    assert extra.reference.isnan().all()


@pytest.mark.parametrize("batching", ["packed", "bucketed"])
def test_turns_that_are_only_read_predict_nothing(batching):
    masked = replace(ROWS[1], mask=np.array([True, False, True]))
    batch = collate([ROWS[0], masked], batching)
    flat, extra = batch["input_ids"].flatten(), batch["extra"]
    assert batch["targets"].tolist() == [4, 5, 7, 9]
    assert flat[batch["predictors"]].tolist() == [3, 4, 6, 8]
    assert extra.behavior.tolist() == [0, 1, 0, 2]
    assert (extra.sequence.tolist(), extra.tokens) == ([0, 0, 1, 1], 9)


def test_packed_rows_stand_after_each_other_each_from_position_0():
    batch = collate(ROWS, "packed")
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3]]


def test_bucketed_rows_are_padded_on_the_right():
    batch = collate(ROWS, "bucketed")
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4]] * 2


@pytest.mark.parametrize("batching", ["packed", "bucketed"])
def test_no_rows_are_one_position_that_predicts_nothing(batching):
    batch = collate([], batching)
    assert batch["input_ids"].shape == (1, 1)
    assert len(batch["targets"]) == len(batch["predictors"]) == len(batch["extra"].sequence) == 0
