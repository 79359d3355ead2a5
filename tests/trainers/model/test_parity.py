"""Every architecture that is trained has its own log-probs, however rows are put together; the others are refused."""

from functools import partial

import pytest
import torch

from builder.errors import InputError
from tests.trainers.architectures import BENT, BIASED, BUCKETED, PACKED, tiny
from tests.trainers.training.test_trainer import assert_same, first_step, random_rows, trainer
from trainers.model import policy
from trainers.model.attention import separate_rows
from trainers.model.parity import deviation, probe, settle


def settled(model, wanted="packed", may_change=True):
    policy.deliver_logprobs(model)
    rows = probe(random_rows())
    return settle(partial(deviation, model, rows), wanted, may_change, False, type(model).__name__)


def test_there_are_many_architectures():
    assert len(PACKED) + len(BUCKETED) + len(BENT) + len(BIASED) >= 70


@pytest.mark.parametrize("name", PACKED)
def test_rows_may_be_packed_and_attended_to_one_by_one(name):
    model = tiny(name, PACKED[name])
    assert settled(model) == ("packed", None)
    assert separate_rows(model)
    assert deviation(model, probe(random_rows()), "packed") < 1e-4


@pytest.mark.parametrize("name", BUCKETED)
def test_rows_that_would_see_each_other_are_padded_instead(name):
    model = tiny(name, BUCKETED[name])
    way, note = settled(model)
    assert way == "bucketed"
    assert f"--batching bucketed, since packed is wrong for {type(model).__name__}: its log-probs differ by" in note


@pytest.mark.parametrize("name", BENT)
def test_a_model_that_bends_its_logits_is_refused_by_its_settings_and_by_its_log_probs(name, monkeypatch):
    with pytest.raises(InputError, match=f"cannot be trained here: .*{list(BENT[name])[-1]}"):
        settled(tiny(name, BENT[name]))
    monkeypatch.setattr(policy, "_BENDS_LOGITS", ())
    with pytest.raises(InputError, match=r"cannot be trained here: its log-probs differ by .* more than one matrix"):
        settled(tiny(name, BENT[name]))


@pytest.mark.parametrize("name", BIASED)
def test_a_head_that_is_more_than_a_matrix_is_refused(name):
    with pytest.raises(InputError, match="the head is not a plain linear layer"):
        settled(tiny(name, BIASED[name]))


def test_the_user_who_demands_packing_is_not_overruled():
    with pytest.raises(InputError, match=r"--batching packed is wrong for OPTForCausalLM: .* --batching bucketed is"):
        settled(tiny("opt", {}), may_change=False)


def test_rows_of_all_lengths_are_compared():
    rows = random_rows(40)
    lengths = sorted(rows.lengths)
    probed = [len(row.prompt_ids) + len(row.completion_ids) for row in probe(rows)]
    assert probed == [lengths[0], lengths[5], lengths[10]]
    assert len(probe(random_rows(1))) == 1


def test_16_bits_are_allowed_what_they_cannot_tell():
    found = {None: 0.02, "packed": 0.03, "bucketed": 0.02}
    assert settle(found.get, "packed", True, True, "Model") == ("packed", None)
    with pytest.raises(InputError, match=r"Model cannot be trained here: its log-probs differ by 0\.02 nats"):
        settle(found.get, "packed", True, False, "Model")
    with pytest.raises(InputError, match="as soon as rows are put together"):
        settle((found | {"packed": 0.5, "bucketed": 0.4}).get, "packed", True, True, "Model")


def test_a_log_prob_that_is_no_number_is_no_agreement():
    model = tiny("llama", {})
    model.model.norm.weight.data.fill_(torch.nan)
    with pytest.raises(InputError, match="differ by inf nats"):
        settled(model)


@pytest.mark.slow
def test_a_trainer_falls_back_before_its_first_step(tmp_path, capsys):
    rows = random_rows()
    padded = first_step(tmp_path, rows, model=tiny("opt", {}))
    fallen = first_step(tmp_path, rows, model=tiny("opt", {}), batching="packed", may_rebatch=True)
    assert "--batching bucketed, since packed is wrong" in capsys.readouterr().out
    assert_same(padded, fallen)
    with pytest.raises(InputError, match="--batching packed is wrong"):
        trainer(tmp_path, rows, model=tiny("opt", {}), batching="packed").train()
