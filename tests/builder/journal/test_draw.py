import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.engines.protocol import Completion, SamplingParams
from builder.journal.draw import draw, model_key, sample_keys
from builder.journal.journal import Journal

PARAMS = SamplingParams(1.0, 1.0, 8, (0,))


class Counting:
    """Draws completions whose first token says how many were drawn before."""

    def __init__(self):
        self.requests, self.drawn = [], 0

    async def generate(self, prompt_ids, params, n, seed):
        self.requests.append((prompt_ids, n, seed))
        self.drawn += n
        return [Completion([self.drawn - n + i, 0], [-1.0, -0.5], "stop") for i in range(n)]


def first_tokens(engine, journal, model, seeds):
    drawn = asyncio.run(draw(engine, journal, model, [1, 2], PARAMS, seeds))
    assert [key for key, _ in drawn] == sample_keys(model, [1, 2], PARAMS, seeds)
    return [completion.token_ids[0] for _, completion in drawn]


@settings(deadline=None, max_examples=30)  # it writes files; a busy machine is no fault
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4))
def test_samples_that_were_extended_are_those_drawn_at_once(tmp_path_factory, sizes):
    engine = Counting()
    with Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite") as journal:
        for size in sizes:
            assert first_tokens(engine, journal, "model", list(range(size))) == list(range(size))
    assert engine.drawn == max(sizes)


def test_what_is_missing_is_drawn_in_one_request_and_nothing_twice(tmp_path):
    engine = Counting()
    with Journal(tmp_path / "journal.sqlite") as journal:
        model = model_key("sha", "bfloat16")
        assert first_tokens(engine, journal, model, [7, 8]) == [0, 1]
        assert first_tokens(engine, journal, model, [7, 8, 9, 10]) == [0, 1, 2, 3]
        assert first_tokens(engine, journal, model, [7, 8, 9, 10]) == [0, 1, 2, 3]
        assert engine.requests == [([1, 2], 2, 7), ([1, 2], 2, 9)]
        # Another precision is another policy.
        assert first_tokens(engine, journal, model_key("sha", "float32"), [7, 8]) == [4, 5]
