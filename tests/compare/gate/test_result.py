"""The exit code is that of the gravest answer."""

import pytest

from cvbench.compare.gate.result import Answer, Item, counted, exit_code


def items(*answers):
    return [Item("net", "top1", answer, "") for answer in answers]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([], 0),
        ([Answer.PASS], 0),
        ([Answer.PASS, Answer.INCONCLUSIVE], 4),
        ([Answer.INCONCLUSIVE, Answer.INCOMPARABLE], 5),
        ([Answer.INCOMPARABLE, Answer.REGRESSION], 1),
        ([Answer.REGRESSION, Answer.FAILED, Answer.PASS], 3),
    ],
)
def test_the_gravest_answer_counts(answers, code):
    assert exit_code(items(*answers)) == code


@pytest.mark.parametrize(("doubt", "code"), [("pass", 0), ("fail", 1), (None, 4)])
def test_doubt_is_what_one_says_it_is(doubt, code):
    assert exit_code(items(Answer.PASS, Answer.INCONCLUSIVE), doubt) == code


def test_doubt_never_hides_a_regression():
    assert exit_code(items(Answer.REGRESSION, Answer.INCONCLUSIVE), "pass") == 1


def test_answers_are_counted_in_words():
    assert counted(items(Answer.PASS, Answer.REGRESSION, Answer.PASS)) == "2 pass, 1 regression"
    assert counted([]) == "nothing to check"
