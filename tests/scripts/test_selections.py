from scripts.selections import distinct, main
from tests.drawn_build import Drawn, Task, drawn_build


def test_distinct_n_grams():
    assert distinct(["a b c d e", "a b c d f"]) == 3 / 4
    assert distinct([]) == 0


def test_every_policy_has_a_line_or_a_reason(tmp_path, chat, target, capsys):
    tasks = [Task([Drawn("so it is \\boxed{7}"), Drawn("clearly three and four make \\boxed{7}")]), Task()]
    drawn_build(tmp_path / "release", chat, target, tasks)
    assert main([str(tmp_path / "release"), "--output", str(tmp_path / "selections")]) == 0
    printed = capsys.readouterr().out
    lines = {line.split(" | ")[0][2:]: line for line in printed.splitlines() if line.startswith("| ")}
    assert lines["as built"].split("|")[2:] == lines["random"].split("|")[2:]
    assert "| 3 | 2 / 0 / 1 |" in lines["diverse"]
    assert "sdft: --policy sdft takes the first retelling of every problem" in printed
    assert (tmp_path / "selections" / "diverse" / "manifest.json").is_file()
