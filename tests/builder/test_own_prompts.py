"""Prompts of the user's own, several guided ones among them: asked, recorded, and not asked again."""

import json

import pytest

from builder.errors import InputError
from builder.reverify import main as reverify
from scripts.standins.builds import table, write_source
from scripts.standins.fake_engine import FakeEngine

EXPERT = "Two and two are four because that is how adding works, so \\boxed{4}."
GUIDED = ("Tell {problem} anew from {solution}", "Somebody found {solution} for {problem}")


def answer(prompt, drawn_before):
    """Right only when it is guided, and says by which prompt."""
    if prompt.count("Somebody found") + prompt.count("anew from") == 0:
        return "I believe \\boxed{5}."
    which = "second" if "Somebody found" in prompt else "first"
    return f"By the {which}, {'abcdefghij'[drawn_before]}: clearly 2 + 2 = 4, so \\boxed{{4}}."


@pytest.fixture(scope="module")
def engine(chat):
    with FakeEngine(chat, answer) as running:
        yield running


@pytest.fixture(scope="module")
def command(tmp_path_factory, engine):
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "plain.txt").write_text("Solve: {problem}\n")
    for number, text in enumerate(GUIDED):
        (folder / f"guided-{number}.txt").write_text(text + "\n")
    rows = [{"problem": f"What is 2 + 2, variant {n}?", "solution": EXPERT} for n in range(6)]
    guided = (str(folder / f"guided-{number}.txt") for number in range(2))
    prompts = ("--plain-prompt", str(folder / "plain.txt"), "--guided-prompt", *guided)
    return write_source(folder / "s.jsonl", rows), folder / "r", engine, *prompts


@pytest.fixture(scope="module")
def release(command, build):
    build(*command)
    return command[1]


def test_each_retelling_is_drawn_with_one_of_the_prompts_and_the_release_says_which(release):
    guided = [row for row in table(release, "candidates").to_dicts() if row["phase"] == "guided"]
    assert {row["guided_prompt"] for row in guided} == {0, 1}
    assert all(("By the second" in row["text"]) == (row["guided_prompt"] == 1) for row in guided)
    own = table(release, "candidates").to_dicts()[0]
    assert (own["phase"], own["guided_prompt"]) == ("self", None)
    rows = table(release).to_dicts()
    assert {row["stage"] for row in rows} == {"guided_alignment"}
    assert rows[0]["prompt"][-1] == {"role": "user", "content": f"Solve: {rows[0]['problem']}"}


def test_the_manifest_has_texts_and_hashes(release):
    manifest = json.loads((release / "manifest.json").read_text())
    assert manifest["prompts"].keys() == {"plain", "guided", "guided-2"}
    assert manifest["settings"]["target"]["guided_prompt"] == list(GUIDED)


def test_the_same_command_asks_for_nothing_again(release, command, engine, build):
    asked = engine.asked
    release.rename(release.with_name("old"))
    build(*command)
    assert engine.asked == asked


def test_what_a_release_holds_is_not_drawn_again_elsewhere(release, command, engine, tmp_path):
    drawn = engine.sampled.total()
    engines = ["--engine-url", engine.url, "--trust-engine"]
    reverify([str(release), "--rules", "paper", "--output", str(tmp_path / "again"), *engines])
    assert engine.sampled.total() == drawn
    assert table(tmp_path / "again")["stage"].to_list() == ["guided_alignment"] * 6


def test_other_prompts_are_other_samples(release, command, engine, build):
    source, output, engine, *_ = command
    refused = build(source, output, engine, check=False)
    assert refused.returncode == 2
    assert "target.guided_prompt: was" in refused.stderr


@pytest.mark.parametrize(("content", "fault"), [
    ("no place", "lacks {problem}"), (None, "No such file"), (b"\xff{problem}", "codec can't decode"),
])  # fmt: skip
def test_a_file_that_is_no_prompt_is_one_clear_error(tmp_path, target, content, fault):
    from builder.arguments import parser, settings_from

    file = tmp_path / "p.txt"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    args = parser().parse_args(["--plain-prompt", str(file)])
    with pytest.raises(InputError, match=f"--plain-prompt .*p.txt: .*{fault}"):
        settings_from(args, target, "a" * 40, "vllm")
