"""Tokens of texts with their log-probs: which part of a text is which token, and how the page colours them."""

import math
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.policy.models import tokenizer_at_hand
from builder.release.open import open_release
from builder.reporting.examples import draw
from builder.reporting.page import render
from builder.reporting.statistics import collect
from builder.reporting.tokens import tokens_of
from scripts.browser import chromium


@pytest.fixture
def release(first_release):
    return open_release(str(first_release))


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_parts_join_to_the_text_and_there_is_one_a_token(chat, text):
    ids = chat.completion(text)
    parts = chat.parts(text, ids)
    if parts is None:  # the vocabulary lacks a byte of it
        assert chat.text(ids) != text
    else:
        assert "".join(parts) == text
        assert len(parts) == len(ids) - 1


def test_other_tokens_than_the_tokenizers_own_are_not_guessed_at(chat):
    one, two = chat.completion("ab"), [*chat.completion("a")[:-1], *chat.completion("b")]
    assert chat.text(one) == chat.text(two)
    assert chat.parts("ab", one) == ["ab"]
    assert chat.parts("ab", two) is None


def test_every_shown_text_has_its_tokens_with_the_stored_log_probs(release):
    found = draw(release, 10, 0)
    assert found.tokens
    stored = {row["id"]: row["policy_logprobs"] for row in release.scan("tokens").collect().to_dicts()}
    for row in found.rows:
        for text in (row["kept"], row["expert"]):
            assert "".join(part for part, _ in text["parts"]) == text["text"]
        assert [value for _, value in row["kept"]["parts"]] == [round(x, 2) for x in stored[row["id"]][:-1]]


def test_a_log_prob_that_is_not_finite_is_none(release, tmp_path):
    rows = release.scan("tokens").collect()
    for config in ("tokens", "expert"):
        (tmp_path / "data" / config).mkdir(parents=True)
    wild = pl.col("policy_logprobs").list.eval(pl.lit(-math.inf))
    rows.with_columns(wild).write_parquet(tmp_path / "data/tokens/train-00000.parquet")
    release.scan("expert").collect().write_parquet(tmp_path / "data/expert/train-00000.parquet")
    texts = {row["id"]: row["completion"][0]["content"] for row in release.scan("default").collect().to_dicts()}
    found = tokens_of(replace(release, path=tmp_path), texts, {})
    assert {value for parts in found["kept"].values() for _, value in parts} == {None}


@pytest.mark.parametrize("changed", [{"hashes": {"tokenizer": "x", "chat_template": "y"}}, {}])
def test_without_the_very_tokenizer_there_are_none(release, changed, monkeypatch):
    if not changed:
        monkeypatch.setattr("builder.reporting.tokens.tokenizer_at_hand", lambda target, revision: None)
    manifest = release.manifest | {"target": release.manifest["target"] | changed}
    found = draw(replace(release, manifest=manifest), 10, 0)
    assert not found.tokens
    assert all(row["kept"]["parts"] is None for row in found.rows)


def test_a_tokenizer_is_looked_for_on_this_machine_alone(target, smollm2, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert tokenizer_at_hand(target, "x") == smollm2
    assert tokenizer_at_hand(target.model_copy(update={"model": str(tmp_path)}), "x") == tmp_path
    elsewhere = target.model_copy(update={"offline_package": None, "model": "nobody/nothing"})
    assert tokenizer_at_hand(elsewhere, "a" * 40) is None
    monkeypatch.setenv("MIND_THE_GAP_CACHE", str(tmp_path))
    assert tokenizer_at_hand(target, "x") is None  # it would have to be converted


def test_in_a_browser_the_less_likely_is_the_darker(release, tmp_path):
    file = tmp_path / "r.html"
    file.write_text(render(release, collect(release), draw(release, 10, 0)), encoding="utf-8")
    try:
        with chromium() as browser:
            browser.open(file)
            assert browser.texts(".tokens") == []
            browser.find("#tokens").click()
            colours = "return [...document.querySelectorAll('.tokens span')].map(s => [s.className, s.title])"
            found = browser.run(colours)
            assert ["level-1", "log π −0.25"] in found
            assert ["level-4", "log π −2.50"] in found
            assert browser.texts(".text.self_alignment .tokens") == ["It is \\boxed{0}"]
            assert browser.complaints() == []
    except LookupError as missing:
        pytest.skip(str(missing))
