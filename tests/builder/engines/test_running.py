import pytest

from builder.engines import running


@pytest.mark.parametrize(
    ("engine", "attached", "gib", "takes"),
    [
        ("transformers", False, 0.0, True),
        ("vllm", False, 80.0, True),
        ("vllm", False, 0.0, False),
        ("vllm", True, 80.0, False),
    ],
)
def test_seeds_go_only_where_no_request_dies_of_one(monkeypatch, engine, attached, gib, takes):
    monkeypatch.setattr(running, "gpu_memory_gib", lambda: gib)
    assert running.takes_seeds(engine, attached) is takes
