"""The YAML that suites may use: the scalars of YAML 1.2, and none of what makes a file hard to trust."""

import json
import math
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import SuiteError
from cvbench.spec.suite.yaml_loader import read, scalar


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("010", 10),  # YAML 1.1 reads an octal 8
        ("0o17", 15),
        ("0x1f", 31),
        ("1e-3", 0.001),  # YAML 1.1 reads text
        ("1.", 1.0),
        (".5", 0.5),
        ("+1.5E+2", 150.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),  # YAML 1.1 reads True
        ("yes", "yes"),
        ("NO", "NO"),
        ("12:30:45", "12:30:45"),  # YAML 1.1 reads seconds
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),  # YAML 1.1 reads a date
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("5m", "5m"),
        ("1e", "1e"),
        ("-", "-"),
    ],
)
def test_a_word_without_quotes_is_what_yaml_1_2_says(written, value):
    assert scalar(written) == value
    assert type(scalar(written)) is type(value)


def test_nan_is_a_number_so_that_the_form_can_refuse_it():
    assert math.isnan(scalar(".nan"))


def test_a_number_too_long_for_an_integer_is_still_a_number():
    assert scalar("9" * 5000) == math.inf


def test_quoted_words_stay_text():
    tree, problems = read("a: '3'\nb: \"true\"\nc: 'null'\nd: |\n  5\n", "f.yaml")
    assert problems == ()
    assert tree == {"a": "3", "b": "true", "c": "null", "d": "5\n"}


_WORD = st.text(alphabet="abcdefghijklmnop_-", min_size=1).filter(lambda text: text != "-" * len(text))
_TREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORD, inner, max_size=4),
    max_leaves=12,
)


@given(_TREE)
def test_json_is_read_as_what_it_says(tree):
    written = json.dumps(tree)  # every letter that is not ASCII is an escape, or two
    read_back, problems = read(written, "f.yaml")
    assert problems == ()
    assert read_back == tree


@given(_TREE)
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(tree):
    written = yaml.safe_dump(tree, default_flow_style=False)
    if "*id" in written or "!!" in written:
        return
    tree_here, problems = read(written, "f.yaml")
    assert problems == ()
    assert tree_here == yaml.safe_load(written)


def problems_of(text):
    try:
        return [str(problem) for problem in read(text, "f.yaml").problems]
    except SuiteError as error:
        return str(error).splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "f.yaml: line 1, column 4: the anchor &x is not allowed.\n  Remove it."),
        (
            "a: !!str 1",
            "f.yaml: line 1, column 4: the tag tag:yaml.org,2002:str is not allowed.\n  Remove it.",
        ),
        ("a: 1\na: 2", 'f.yaml: line 2, column 1: the key "a" is repeated in this mapping.'),
        (
            "<<: {a: 1}",
            "f.yaml: line 1, column 1: the merge key << is not allowed.\n  Write its content out.",
        ),
        ("? [a]\n: 1", "f.yaml: line 1, column 3: a key must be a name, not a list or a mapping."),
        ('a: "\\ud800"', "f.yaml: line 1, column 4: an escape in this text is not a valid character."),
    ],
)
def test_what_is_not_allowed_is_named_with_line_and_column(text, message):
    assert problems_of(text) == [message]


@pytest.mark.parametrize("payload", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system"])
def test_a_tag_never_makes_an_object(payload):
    tree, problems = read(f"a: {payload}", "f.yaml")
    assert "is not allowed" in str(problems[0])
    assert type(tree["a"]) in (list, type(None), str)


def test_an_alias_ends_the_reading_and_keeps_what_was_found_before():
    with pytest.raises(SuiteError) as error:
        read("a: &x [1]\nb: *x", "f.yaml")
    assert [str(problem) for problem in error.value.problems] == [
        "f.yaml: line 1, column 4: the anchor &x is not allowed.\n  Remove it.",
        "f.yaml: line 2, column 4: the alias *x is not allowed.\n  Write it out.",
    ]


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    bomb = "a: &a [1,1]\n" + "".join(
        f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(SuiteError, match=r"the alias \*a is not allowed"):
        read(bomb, "f.yaml")


@pytest.mark.parametrize("depth", [21, 5_000])
def test_deep_nesting_is_refused_before_it_exhausts_the_stack(depth):
    with pytest.raises(SuiteError, match="nested more than 20 levels deep"):
        read("[" * depth + "]" * depth, "f.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: b: c", 1), ("a: [1, 2", 1), ("a:\n\t- 1", 2), ("a: 1\n---\nb: 2", 2), ("a: 'x", 1), ("%", 1)],
)
def test_text_that_is_not_yaml_is_refused_with_its_place(text, line):
    with pytest.raises(SuiteError, match=rf"f\.yaml: line {line}, column \d+: invalid YAML"):
        read(text, "f.yaml")


def test_a_control_character_is_refused():
    with pytest.raises(SuiteError, match=r"f\.yaml: line 2: invalid YAML: the character U\+0000 is not"):
        read("a:\n  \x00", "f.yaml")


def test_an_empty_text_says_nothing():
    assert read("", "f.yaml") == (None, ())


@given(st.text())
def test_no_text_ends_in_anything_but_a_tree_or_a_suite_error(text):
    with suppress(SuiteError):
        read(text, "f.yaml")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("{split}", "{split}"),
        ("images: {split}", {"images": "{split}"}),
        ("a: {split}/_annotations.coco.json", {"a": "{split}/_annotations.coco.json"}),
        ("a: \"{split}/x\"\nb: '{split}'", {"a": "{split}/x", "b": "{split}"}),
        ("{images: {split}, masks: masks/{split}}", {"images": "{split}", "masks": "masks/{split}"}),
        ("{split}: 1", {"{split}": 1}),
    ],
)
def test_the_place_of_a_split_is_text_with_and_without_quotes(text, tree):
    assert read(text, "it") == (tree, ())


def test_a_mistake_behind_it_keeps_its_column():
    with pytest.raises(SuiteError, match="line 1, column 11"):
        read("[{split}, *x]", "it")
