"""Completions that stopped at another token than the one that is taught, drawn from another distribution."""

import math
import random

import pytest

from builder.config import Sampling, load_target
from builder.steps.score import swapped_logprob
from scripts.standins.builds import answer, problem, table, write_source
from scripts.standins.fake_engine import FakeEngine

DRAWN, TAUGHT = 0, 2  # <|endoftext|> and <|im_end|>
RAW = {DRAWN: -1.0, TAUGHT: -2.0}


class OtherEnd(FakeEngine):
    """Ends what it draws with `DRAWN`; scores the two end tokens differently."""

    def choices(self, request):
        choices = super().choices(request)
        for choice in choices:
            for entry in choice.get("prompt_logprobs") or []:
                for token, value in (entry or {}).items():
                    value["logprob"] = RAW.get(int(token), -0.25)
            if choice["finish_reason"] == "stop":
                choice["token_ids"][-1] = DRAWN
        return choices


def test_the_taught_tokens_logprob_is_that_of_the_distribution_that_was_drawn_from():
    rng = random.Random(0)
    for _ in range(200):
        logits = [rng.gauss(0, 3) for _ in range(8)]
        temperature, top_p = rng.choice([0.3, 0.7, 1.0, 1.5]), rng.choice([1.0, 0.95, 0.6])
        raw, drawn_from = log_softmax(logits, 1.0, 1.0), log_softmax(logits, temperature, top_p)
        drawn = rng.choice([token for token, logprob in enumerate(drawn_from) if logprob > -math.inf])
        sampling = Sampling(temperature=temperature, top_p=top_p)
        for taught in range(8):
            found = swapped_logprob(drawn_from[drawn], raw[drawn], raw[taught], sampling)
            if found is None:
                assert top_p < 1
                assert raw[taught] < raw[drawn]
            else:
                assert found == pytest.approx(drawn_from[taught], abs=1e-9)


def log_softmax(logits, temperature, top_p):
    weights = [math.exp(logit / temperature) for logit in logits]
    kept, mass = set(), 0.0
    for token in sorted(range(len(logits)), key=lambda token: -logits[token]):
        if mass >= top_p:
            break
        kept.add(token)
        mass += weights[token] / sum(weights)
    total = sum(weights[token] for token in kept)
    return [math.log(weight / total) if token in kept else -math.inf for token, weight in enumerate(weights)]


@pytest.mark.slow
@pytest.mark.parametrize(("options", "end"), [
    (["--temperature", "0.5"], -0.5 + (RAW[TAUGHT] - RAW[DRAWN]) / 0.5),
    (["--temperature", "0.5", "--top-p", "0.9"], None),  # the taught token may lie outside of the nucleus
    ([], RAW[TAUGHT]),
])  # fmt: skip
def test_a_release_holds_the_taught_tokens_own_log_probs(tmp_path, chat, options, end, build):
    assert set(chat.stop_ids) == {DRAWN, TAUGHT}
    assert load_target("smollm2-135m-instruct").end_of_turn == chat.prompt_text([TAUGHT])
    source = write_source(tmp_path / "s.jsonl", [problem("solvable"), problem("retellable")])
    with OtherEnd(chat, answer) as engine:
        build(source, tmp_path / "r", engine, *options)
    stages = dict(table(tmp_path / "r").select("id", "stage").iter_rows())
    tokens = {stages[row["id"]]: row for row in table(tmp_path / "r", "tokens").to_dicts()}
    assert tokens.keys() == {"self_alignment", "guided_alignment"}
    for row in tokens.values():
        assert row["completion_ids"][-1] == TAUGHT
        assert row["policy_logprobs"][-1] == RAW[TAUGHT]
        if end is None:
            assert row["behavior_logprobs"] is None
        else:
            assert row["behavior_logprobs"][-1] == pytest.approx(end)
            assert len(row["behavior_logprobs"]) == len(row["policy_logprobs"])
            assert set(row["behavior_logprobs"][:-1]) == ({-0.5} if options else {-0.25})
