import argparse
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, Field

from builder.machine.flags import Flag, add_flags, given


class Model(BaseModel):
    scheme: Annotated[Literal["fixed", "adaptive"], Flag("how (default: %(default)s)", name="sampling")] = "fixed"
    most_candidates: Annotated[int, Flag("of a phase", "N")] = Field(10, ge=1)
    share: Annotated[
        float | None, BeforeValidator(lambda value: None if value == "off" else value), Flag("or 'off'")
    ] = 0.8
    limit: Annotated[int | None, Flag("rows", "N")] = None
    strict: Annotated[bool, Flag("be lax", name="lax")] = True
    drop: Annotated[bool, Flag("drop rows")] = False
    engine: str = "no flag"


def parsed(*arguments, override=False):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser, Model, override=override)
    return parser.parse_args(arguments)


def test_what_is_not_given_is_the_models_default():
    assert Model(**given(parsed(), Model)) == Model()
    assert "engine" not in vars(parsed())


def test_what_is_not_given_may_come_from_elsewhere():
    assert given(parsed(override=True), Model) == {}
    assert given(parsed("--lax", "--drop", override=True), Model) == {"strict": False, "drop": True}


def test_every_kind_of_value_reaches_the_model():
    words = "--sampling adaptive --most-candidates 3 --share off --limit 5 --lax --drop".split()
    expected = Model(scheme="adaptive", most_candidates=3, share=None, limit=5, strict=False, drop=True)
    assert Model(**given(parsed(*words), Model)) == expected
    assert Model(**given(parsed("--share", "0.5"), Model)).share == 0.5


@pytest.mark.parametrize("words", [("--sampling", "greedy"), ("--most-candidates", "many"), ("--limit", "1.5")])
def test_what_is_no_such_value_is_refused_at_once(words):
    with pytest.raises(argparse.ArgumentError, match=f"argument {words[0]}: invalid"):
        parsed(*words)


def test_only_the_fields_that_are_named_in_their_order():
    parser = argparse.ArgumentParser()
    add_flags(parser, Model, "drop", "limit")
    assert parser.format_usage() == f"usage: {parser.prog} [-h] [--drop] [--limit N]\n"


def test_the_help_states_the_models_default_even_where_another_may_win():
    parser = argparse.ArgumentParser()
    add_flags(parser, Model, override=True)
    assert "how (default: fixed)" in parser.format_help()
