"""Where the files of a data set are looked for: what is nearest to the person wins."""

from cvbench.spec.catalogue.datasets import find_root
from cvbench.spec.suite import load_suite
from cvbench.spec.suite.planning import plan_cell

SUITE = """
schema: 1
data: {name: imagenet, split: val%s}
time: {latency: {}}
metrics: []
models: [resnet18]
"""


def looked_for_at(path, *overrides):
    (cell,) = load_suite(path, overrides).cells
    return find_root(cell.data.name, cell.data.root), plan_cell(cell, has_gpu=False).skip


def test_the_command_line_comes_before_the_suite_and_the_suite_before_the_environment(tmp_path, monkeypatch):
    (tmp_path / "home/imagenet").mkdir(parents=True)
    monkeypatch.setenv("CVBENCH_DATA", str(tmp_path / "home"))
    plain, rooted = tmp_path / "plain.yaml", tmp_path / "rooted.yaml"
    plain.write_text(SUITE % "")
    rooted.write_text(SUITE % ", root: /of/the/suite")

    assert looked_for_at(plain) == (str(tmp_path / "home/imagenet"), None)
    assert looked_for_at(rooted) == ("/of/the/suite", "no data: there is no folder /of/the/suite")
    assert looked_for_at(rooted, "data.root=/typed")[0] == "/typed"


def test_a_plan_says_what_is_missing_and_where_it_would_be_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("CVBENCH_DATA", raising=False)
    path = tmp_path / "plain.yaml"
    path.write_text(SUITE % "")

    assert looked_for_at(path) == (
        None,
        "no data: set data.root to the folder of imagenet, or put it at $CVBENCH_DATA/imagenet",
    )


def test_a_passport_of_files_says_what_its_hash_covers(tmp_path):
    from cvbench.data.datasets import open_dataset
    from cvbench.spec.cell import DataSpec
    from tests.data.datasets.trees import voc

    spec = DataSpec(name="voc", root=str(voc.write(tmp_path)), options={"subset": True})

    assert open_dataset(spec, task="detection").passport.rule == "manifest/1"
    assert open_dataset(DataSpec(name="fashion"), task="classification").passport.rule is None
