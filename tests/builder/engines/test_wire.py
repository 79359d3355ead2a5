import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.engines import wire
from builder.engines.entropy import entropies_of
from builder.engines.protocol import Completion, SamplingParams, Scores

PARAMS = SamplingParams(temperature=1.0, top_p=1.0, max_tokens=3, stop_token_ids=(2, 0))
ANSWER = {
    "choices": [
        {
            "index": 1,
            "finish_reason": "length",
            "token_ids": [7, 8, 9],
            "logprobs": {"token_logprobs": [-1, -2.0, 0.0]},
        },
        {"index": 0, "finish_reason": "stop", "token_ids": [7, 2], "logprobs": {"token_logprobs": [-0.5, -0.25]}},
    ]
}


def body(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def changed(**fields) -> dict:
    answer = copy.deepcopy(ANSWER)
    answer["choices"][0].update(fields)
    return answer


def test_completions_come_in_the_order_of_their_index():
    assert wire.completions(body(ANSWER), PARAMS, 2) == [
        Completion([7, 2], [-0.5, -0.25], "stop"),
        Completion([7, 8, 9], [-1.0, -2.0, 0.0], "length"),
    ]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ([], "Expected `object`, got `array`"),
        ({"choices": None}, "Expected `array`, got `null`"),
        ({"choices": ANSWER["choices"][:1]}, "1 choices instead of 2"),
        (changed(token_ids=None), r"token_ids.*does this server know return_token_ids"),
        (changed(logprobs=None), r"Expected `object`, got `null`.*logprobs"),
        (changed(token_ids=[], logprobs={"token_logprobs": []}), "0 tokens where 1 to 3"),
        (changed(token_ids=[7] * 4, logprobs={"token_logprobs": [-1.0] * 4}), "4 tokens where 1 to 3"),
        (changed(token_ids=[7, 8]), "3 log-probs for 2 tokens"),
        (changed(finish_reason="abort"), "Invalid enum value 'abort'"),
        (changed(token_ids=[7, 0, 9]), "stop token in the middle"),
        (changed(token_ids=[7, 8, 2]), "finish_reason 'length', but the last token is 2"),
        (changed(finish_reason="stop"), "finish_reason 'stop', but the last token is 9"),
        (changed(logprobs={"token_logprobs": [-1.0, math.nan, -1.0]}), "no JSON"),
        (changed(logprobs={"token_logprobs": [-1.0, -math.inf, -1.0]}), "no JSON"),
        (changed(logprobs={"token_logprobs": [-1.0, 0.01, -1.0]}), "Expected `float` <= 0.001"),
        (changed(logprobs={"token_logprobs": [None, -1.0, -1.0]}), "Expected `float`, got `null`"),
    ],
)
def test_an_answer_that_breaks_the_protocol_is_never_a_completion(answer, fault):
    with pytest.raises(wire.ViolationError, match=fault):
        wire.completions(body(answer), PARAMS, 2)


def test_requests_leave_nothing_to_the_models_generation_config():
    request = wire.generation_request([5, 6], PARAMS, 2, seed=None)
    assert "seed" not in request
    assert wire.generation_request([5, 6], PARAMS, 2, seed=0)["seed"] == 0
    assert {key: request[key] for key in wire.NEUTRAL} == {
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    }


def test_scores_are_those_of_the_completions_own_tokens():
    entries = [
        None,
        {"6": {"logprob": -9}},
        {"7": {"logprob": -1.5}, "1": {"logprob": -0.1}},
        {"8": {"logprob": -2}},
    ]
    assert wire.prompt_scores(body({"choices": [{"prompt_logprobs": entries}]}), [5, 6], [7, 8]) == Scores([-1.5, -2.0])


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (None, "Expected `array`, got `null`"),
        ([None, {"6": {"logprob": -1}}], "2 prompt_logprobs for 3 tokens"),
        ([None, {"6": {"logprob": -1}}, {"9": {"logprob": -1}}], "lack an entry"),
        ([None, {"6": {"logprob": -1}}, None], "lack an entry"),
        ([None, {"6": {"logprob": -1}}, {"7": {"logprob": math.nan}}], "no JSON"),
    ],
)
def test_scores_that_are_missing_or_misaligned_are_refused(entries, fault):
    with pytest.raises(wire.ViolationError, match=fault):
        wire.prompt_scores(body({"choices": [{"prompt_logprobs": entries}]}), [5, 6], [7])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@given(st.data())
def test_whatever_a_server_sends_is_a_completion_or_a_violation(data):
    """A good answer in which any one value has been replaced by anything."""
    answer = copy.deepcopy(ANSWER)
    choice = data.draw(st.sampled_from(answer["choices"]))
    place = data.draw(st.sampled_from(["choices", *choice, "token", "logprob"]))
    value = data.draw(json_values)
    if place == "choices":
        answer["choices"] = value
    elif place == "token":
        choice["token_ids"][0] = value
    elif place == "logprob":
        choice["logprobs"]["token_logprobs"][0] = value
    else:
        choice[place] = value
    try:
        drawn = wire.completions(body(answer), PARAMS, 2)
    except wire.ViolationError:
        return
    for completion in drawn:
        assert len(completion.token_ids) == len(completion.logprobs)
        assert all(-3.4e38 < value <= 1e-3 for value in completion.logprobs)
        assert all(0 <= token < 2**31 for token in completion.token_ids)


def scored(entries, **choice):
    return body({"choices": [{"prompt_logprobs": [None, *entries], **choice}]})


def test_entropies_are_asked_for_only_where_they_are_wanted():
    assert wire.scoring_request([5], [6])["prompt_logprobs"] == 0
    assert wire.scoring_request([5], [6], entropies=True)["prompt_logprobs"] == wire.TOP


def test_entropies_come_from_the_likeliest_tokens_whatever_their_order():
    likely = {str(n): {"logprob": -1.0 - n / 4} for n in range(wire.TOP)}
    entry = {"77": {"logprob": -9.0}} | dict(reversed(likely.items()))
    found = wire.prompt_scores(scored([entry]), [5], [77], vocabulary=1000)
    expected = entropies_of([[-1.0 - n / 4 for n in range(wire.TOP)]], 1000)
    assert (found.logprobs, (found.entropies, found.bounds)) == ([-9.0], expected)


def test_a_server_that_knows_the_entropies_is_believed():
    answer = scored([{"7": {"logprob": -1.0}}], prompt_entropies=[None, 0.5])
    assert wire.prompt_scores(answer, [5], [7], vocabulary=1000) == Scores([-1.0], [0.5])
    assert wire.prompt_scores(answer, [5], [7]) == Scores([-1.0])


@pytest.mark.parametrize(
    ("choice", "fault"),
    [
        ({}, "1 prompt_logprobs at a place, of the 20 that were asked for"),
        ({"prompt_entropies": [None]}, "1 prompt_entropies for 2 tokens"),
        ({"prompt_entropies": [None, None]}, "None is not an entropy over 1000 tokens"),
        ({"prompt_entropies": [None, -0.5]}, "Expected `float` >= -0.001"),
        ({"prompt_entropies": [None, 7.0]}, "7.0 is not an entropy over 1000 tokens"),
        ({"prompt_entropies": [None, "0.5"]}, "got `str`"),
    ],
)
def test_entropies_that_cannot_be_are_refused(choice, fault):
    with pytest.raises(wire.ViolationError, match=fault):
        wire.prompt_scores(scored([{"7": {"logprob": -1.0}}], **choice), [5], [7], vocabulary=1000)
