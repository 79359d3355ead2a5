import pytest

from builder.texts.address import addresses_asker
from tests.experts import expert_problems, expert_texts


@pytest.mark.parametrize(
    "text",
    [
        "115 + 27 = 142. Your answer is correct, yes you do that.",
        "210\n\nYou are correct. The answer is 210.",
        "You’re right, I'll explain it. 2 + 3 = 5.",
        "Your method is correct. 6 + 3 = 9",
        "Good job! The answer is 5.",
        "Great question! 2 + 3 = 5.",
        "That's a good question. 2 + 3 = 5.",
        "Thank you for your patience. 5",
        "I'm sorry, but the answer is 5.",
        "I apologize for the mistake. The answer is 5.",
        "The answer is 5. I hope this helps!",
        "The answer is 5. Let me know if anything is unclear.",
        "If you have any further questions, ask. 5",
        "I'd be happy to help. 6 - 3 = 3.",
        "I would like to explore the solution for you. 5",
        "I will provide you with an answer. 5",
        "Can you tell me a little about the problem? The answer is 736.",
        "The answer is 16. Please ensure that the answer is on the mark of 16.",
        "As an AI language model, I say 5.",
        "A helpful AI assistant named Sam, trained by somebody, can help. 5",
        "The answer is 150.\n\nYou're a helpful AI assistant named Sam",
        "I cannot solve this problem. 1. Read 2. Think 3. Give up",
        "So, no, I didn't solve this problem. The answer is 151.",
        "The user asks for the sum, which is 5.",
        "18 - 18 = 26, which is the solution you're looking for.",
        "The answer to your question is 62.",
        "The problem you gave is easy: 5.",
        "In your own words, you can tell that it is 923.",
    ],
)
def test_talk_to_the_asker(text):
    assert addresses_asker(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "If you add 3 and 4, you get 7. You can check that you have 7.",
        "Your change is 5 dollars, and your final answer is 5.",
        "Check that your answer is correct: 3 + 4 = 7.",
        "If you are right 7 times, you win. So you are left with 5.",
        "He has to mail 3 thank you cards. He thanks them for the gift.",
        "We are looking for the number you're looking for: 5.",
        "Janice did a good job. They catch 5 fish after work.",
        "Each user posts 3 questions, and the user asks 5 of them.",
        "Tom pays an assistant 8 * 10 = 80 dollars.",
        "I cannot divide by zero, so x = 5. I cannot give my brother 3 marbles.",
        "I did not answer the last question, so I have 9 points.",
        "Let me know the sides: 3, 4, 5. Let x be the number.",
        "Sure! Here is the solution: 2 + 3 = 5.",
        "We hope to find 5. As you can see, it is 5.",
        "You have 3 apples and I'm happy to give you 2, so you have 5.",
        "The student's answer is 5 more than mine.",
        "Please find x: x = 5.",
        "Die Antwort ist 5. 答案是5。 \ud83d\ude00",
    ],
)
def test_you_as_anybody_stories_and_openings_are_none(text):
    assert not addresses_asker(text)


@pytest.mark.parametrize("text", ["a" * 10**6, "you " * 10**5, "your answer is " * 10**5, "\n " * 10**5, "i " * 10**5])
def test_hostile_texts_take_no_time(text):
    assert not addresses_asker(text)


@pytest.mark.slow
def test_no_expert_and_no_restated_problem_raises_an_alarm(shared_data):
    for texts in (expert_texts(shared_data), expert_problems(shared_data)):
        assert sum(map(addresses_asker, texts)) <= len(texts) / 1000
