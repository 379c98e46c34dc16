"""Markdown: a table keeps its columns and its text, whatever stands in its cells."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cvbench.compare.markdown import Markup, escaped, table, table_of

BAR = re.compile(r"(?<!\\)\|")


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4))
def test_every_line_of_a_table_has_its_columns(rows):
    lines = table(("a", "b"), rows).split("\n")
    assert lines.pop() == ""
    assert len(lines) == 2 + len(rows)
    assert {len(BAR.findall(line.replace("\\\\", ""))) for line in lines} == {3}


def test_markup_goes_in_as_it_is_and_text_does_not():
    assert table(("a",), [(Markup("`x`"),), ("`x`",)]).splitlines()[2:] == ["| `x` |", r"| \`x\` |"]


def test_a_link_an_emphasis_or_an_element_from_a_file_stays_text():
    assert escaped("[a](b) *c* _d_ <e>") == r"\[a\](b) \*c\* \_d\_ &lt;e&gt;"
    assert escaped("latency_p50") == "latency_p50"


def test_no_rows_are_said_to_be_none():
    assert table_of([]) == "(nothing)\n"
