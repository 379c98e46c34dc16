"""JUnit XML, GitHub's annotations and the summary, hostile names included."""

from xml.etree import ElementTree as ET

from cvbench.compare.gate.ci_output import junit, summary, workflow_commands
from cvbench.compare.gate.result import Answer, Item

HOSTILE = 'a<b>&"\x00|\n::error::x%'
ITEMS = [
    Item("resnet18", "top1", Answer.PASS, "same: +0.0000"),
    Item("resnet18", "latency_p50 (batch=1)", Answer.REGRESSION, "+8.0 %"),
    Item(HOSTILE, "outcome", Answer.FAILED, f"failed: {HOSTILE}"),
    Item("unet", "mIoU", Answer.INCONCLUSIVE, "cannot tell"),
    Item("unet", "throughput", Answer.INCOMPARABLE, "another machine"),
]


def test_junit_counts_and_names_every_item():
    root = ET.fromstring(junit(ITEMS, "ci"))
    (under,) = root
    assert {k: under.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
    }
    kinds = [[child.tag for child in case] for case in under]
    assert kinds == [[], ["failure"], ["error"], ["skipped"], ["skipped"]]
    assert under[1].get("name") == "latency_p50 (batch=1)"
    assert under[1][0].get("message") == "regression: +8.0 %"


def test_annotations_are_a_line_each_whatever_the_names_hold():
    lines = list(workflow_commands(ITEMS))
    assert len(lines) == 4
    assert lines[0] == "::error title=cvbench regression%3A resnet18%3A latency_p50 (batch=1)::+8.0 %25"
    assert all("\n" not in line for line in lines)
    assert lines[2].startswith("::warning ")


def test_the_summary_puts_first_what_did_not_pass_and_stays_one_table():
    page = summary(ITEMS, None, "ci")
    assert "**1 pass, 1 regression, 1 failed, 1 inconclusive, 1 not comparable**" in page
    assert page.index("+8.0 %") < page.index("1 passed")
    assert "<b>" not in page
    table = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(table) == 2 + len(ITEMS)  # two heads, and a row an item
