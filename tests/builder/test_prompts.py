from builder.prompts import hashes, render


def test_plain_asks_for_the_box_after_the_problem():
    assert render("plain", problem="What is 2+2?") == (
        "What is 2+2?\nPlease reason step by step, and put your final answer within \\boxed{}."
    )


def test_guided_shows_the_solution_once():
    text = render("guided", problem="PROBLEM", solution="SOLUTION")
    assert text.count("PROBLEM") == 1
    assert text.count("SOLUTION") == 1
    assert text.endswith("Put your final answer within \\boxed{}.")


def test_placeholders_inside_a_problem_stay_text():
    text = render("guided", problem="Find {solution} and {problem}.", solution="It is {problem}.")
    assert "Find {solution} and {problem}." in text
    assert "It is {problem}." in text


def test_every_prompt_has_a_hash():
    assert set(hashes()) == {"plain", "guided"}
    assert len(set(hashes().values())) == 2
