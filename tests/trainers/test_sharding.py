from pathlib import Path

from tests.trainers.launch import torchrun


def test_a_policy_sharded_over_two_processes_has_the_gradients_of_a_whole_one():
    done = torchrun(str(Path(__file__).with_name("sharded_policy.py")))
    assert done.returncode == 0, done.stderr[-3000:]
