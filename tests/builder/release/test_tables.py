import numpy as np

from builder.release.tables import lists


def test_lists_keep_nulls_and_empty_lists_apart():
    made = lists([np.array([1, 2], np.int32), None, np.array([], np.int32)], np.int32)
    assert made.to_pylist() == [[1, 2], None, []]
    assert lists([None, None], np.float32).to_pylist() == [None, None]
    assert lists([], np.float32).to_pylist() == []
