"""What is said when something goes wrong on the user's side, and how the command ends then."""

import pytest

from cvbench import errors
from cvbench.errors import CellError, CvbenchError, Problem, SuiteError, suggestion

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CvbenchError)]


def test_a_problem_has_its_place_and_its_remedy():
    assert (
        str(Problem("a.yaml: seed", "this is wrong.", "Do that."))
        == "a.yaml: seed: this is wrong.\n  Do that."
    )


def test_a_problem_without_a_remedy_is_one_line():
    assert str(Problem("a.yaml", "this is wrong.")) == "a.yaml: this is wrong."


def test_a_suite_error_tells_every_problem():
    problems = [Problem("a", "one."), Problem("b", "two.")]
    error = SuiteError(iter(problems))
    assert error.problems == tuple(problems)
    assert str(error) == "a: one.\nb: two."


@pytest.mark.parametrize("kind", ALL)
def test_a_users_mistake_ends_with_2_and_a_failing_cell_with_3(kind):
    assert kind.exit_code == (3 if issubclass(kind, CellError) else 2)


@pytest.mark.parametrize("kind", ALL)
def test_the_tree_of_errors_is_drawn_at_the_top_of_its_module(kind):
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("yolo_v33", "Did you mean yolo_v3?   See all: cvbench list models"),
        ("zzz", "See all: cvbench list models"),
        ("unet2", "Did you mean unet?   See all: cvbench list models"),
    ],
)
def test_a_suggestion_is_near_or_left_out(name, said):
    assert suggestion(name, ["yolo_v3", "unet"], listing="cvbench list models") == said


def test_nothing_near_and_no_listing_says_nothing():
    assert suggestion("zzz", ["unet"]) == ""
