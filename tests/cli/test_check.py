"""`cvbench check`: exit codes, baselines, and what is refused."""

import base64
import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from cvbench.cli.check import styled
from cvbench.compare.gate.result import Answer
from tests.compare.runs import MACHINE, Made, figure, make_run, passport
from tests.compare.test_comparison import draw_right, flipped, normal_rounds
from tests.records import bad, cell

RIGHT = draw_right()


def made(lost=0, factor=1.0, seed=0, **fields):
    of = Made(**fields).topk(flipped(RIGHT, lost, 0))
    return of.rounds("latency", normal_rounds(0.01 * factor, seed=seed))


def rewrite(run, **changes):
    path = run.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def expect(run, floors):
    rewrite(run, expectations={"expect": {"resnet18": floors}})


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "ci" / "base", made())
    make_run(tmp_path / "ci" / "same", made(seed=1))
    make_run(tmp_path / "ci" / "lossy", made(lost=200))
    make_run(tmp_path / "ci" / "slow", made(factor=1.2))
    make_run(tmp_path / "ci" / "elsewhere", made(machine={**MACHINE, "cpu": "another"}))
    return tmp_path


@pytest.fixture
def check(cvbench, results):
    return lambda *given: cvbench("check", *given, "--out", results)


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_answers_are_colored_unless_no_color_is_set(monkeypatch, no_color, colored):
    monkeypatch.setenv("NO_COLOR", no_color)
    assert styled(Answer.REGRESSION).startswith("\x1b[31m") is colored


@pytest.mark.parametrize(("run", "code"), [("same", 0), ("lossy", 1), ("slow", 1), ("elsewhere", 5)])
def test_exit_codes_against_a_run(check, run, code):
    assert check(f"ci/{run}", "--against", "ci/base").code == code


@pytest.mark.parametrize(("run", "code"), [("same", 0), ("lossy", 1), ("slow", 1), ("elsewhere", 5)])
def test_exit_codes_against_a_baseline_file(check, results, run, code):
    assert check("ci/base", "--update").code == 0
    path = Path("baselines/a-processor-2-threads/ci.json")
    assert check(f"ci/{run}", "--against", path).code == code


def test_another_machine_voids_speed_alone(check):
    assert check("ci/elsewhere", "--against", "ci/base", "--metrics", "top1").code == 0


def test_figures_in_doubt_are_what_one_says(check, results):
    make_run(results / "few" / "a", Made(data=passport(50)).topk(RIGHT[:50]))
    make_run(results / "few" / "b", Made(data=passport(50)).topk(flipped(RIGHT[:50], 1, 0)))
    given = "few/b", "--against", "few/a"
    assert check(*given).code == 4
    assert check(*given, "--on-inconclusive", "pass").code == 0
    assert check(*given, "--on-inconclusive", "fail").code == 1
    assert "detectable: " in check(*given).stdout


def test_a_failed_or_missing_cell_fails(check, results):
    make_run(results / "two" / "a", made(), Made(cell("vgg16")).topk(RIGHT))
    make_run(results / "two" / "failed", made(), records=[bad(cell("vgg16"))])
    make_run(results / "two" / "gone", made())
    failed, gone = (check(f"two/{run}", "--against", "two/a") for run in ("failed", "gone"))
    assert (failed.code, gone.code) == (3, 3)
    assert "vgg16: outcome: failed: it broke" in failed.stdout
    assert "vgg16: outcome: in the baseline, but not in the run" in gone.stdout


def test_a_figure_that_went_missing_fails(check, results):
    make_run(results / "s" / "a", Made().add(figure("AP", 0.5)))
    make_run(results / "s" / "b", Made().add(figure("AP", None, missing="no object")))
    done = check("s/b", "--against", "s/a")
    assert done.code == 1
    assert "the second run's value is missing: no object" in done.stdout


@pytest.mark.parametrize(("floor", "code"), [(0.7, 0), (0.9, 1)])
def test_floors_of_the_suite_are_held(check, results, floor, code):
    expect(make_run(results / "s" / "a", Made().topk(RIGHT)), {"top1": floor})
    done = check("s/a")
    assert done.code == code
    assert ("expected at least 0.9" in done.stdout) == bool(code)


def test_a_floor_on_a_figure_that_was_not_measured_is_missed(check, results):
    expect(make_run(results / "s" / "a", Made().topk(RIGHT)), {"AP": 0.1})
    assert check("s/a").code == 1


SUITE = """
schema: 1
data: fashion
train: {}
models: [resnet18]
expect: {resnet18: {top1: 8e-1}}
"""


@pytest.mark.parametrize(("overrides", "code"), [([], 0), (["expect.resnet18.top1=9e-1"], 1)])
def test_a_run_of_before_is_checked_by_its_stored_text_and_overrides(check, results, overrides, code):
    run = make_run(results / "s" / "a", Made().topk(np.arange(1000) < 850))
    rewrite(run, expectations=None, source="s.yaml", suite_text=SUITE, overrides=overrides)
    done = check("s/a")
    assert done.code == code
    assert f"expected at least {'0.9' if code else '0.8'}" in done.stdout


def test_a_run_of_before_whose_text_is_not_valid_is_refused_with_a_remedy(check, results):
    run = make_run(results / "s" / "a", Made().topk(RIGHT))
    rewrite(run, expectations=None, suite_text="models: [resnet19")
    done = check("s/a")
    assert (done.code, done.stdout) == (2, "")
    assert "its floors are unknown" in done.stderr
    assert "Run the suite again" in done.stderr


@pytest.mark.parametrize(("value", "code"), [(0.7, 0), (0.4, 1)])
def test_published_values_are_checked_with_their_tolerance(check, results, value, code):
    run = make_run(results / "s" / "a", Made().topk(np.arange(1000) < 700))
    claim = {cell().key: {"top1": {"value": value, "within": 0.002}}}
    rewrite(run, expectations={"published": claim})
    done = check("s/a")
    assert done.code == code
    assert f"resnet18: published top1: top1 is 0.7, published {value} ± 0.002" in done.stdout


def test_a_skipped_cell_misses_no_floor(check, results):
    skipped = bad(cell(), "there is no GPU here").model_copy(update={"outcome": "skipped"})
    expect(make_run(results / "s" / "a", records=[skipped]), {"top1": 0.5})
    assert check("s/a").code == 0


def test_a_cell_that_the_baseline_has_and_the_run_skips_fails(check, results):
    skipped = bad(cell("vgg16"), "there is no GPU here").model_copy(update={"outcome": "skipped"})
    make_run(results / "two" / "a", made(), Made(cell("vgg16")).topk(RIGHT))
    make_run(results / "two" / "b", made(), records=[skipped])
    done = check("two/b", "--against", "two/a")
    assert done.code == 3
    assert "vgg16: outcome: ok in the baseline, but skipped in the run" in done.stdout


def test_a_baseline_holds_raw_values_and_a_history(check, results):
    for run in ("base", "same"):
        assert check(f"ci/{run}", "--update").code == 0
    content = json.loads((results / "baselines/a-processor-2-threads/ci.json").read_text())
    assert [job["run"] for job in content["jobs"]] == ["base", "same"]
    assert all(len(values) == 5 for job in content["jobs"] for values in job["figures"].values())
    kinds = {name.partition("/")[0] for name in content["files"]}
    assert kinds == {"samples", "outcomes"}
    assert base64.b64decode(next(iter(content["files"].values())))[:4] == b"PAR1"


def test_a_loss_is_not_taken_for_the_baseline_unless_forced(check, results):
    check("ci/base", "--update")
    path = results / "baselines/a-processor-2-threads/ci.json"
    before = path.read_bytes()
    done = check("ci/lossy", "--against", path, "--update")
    assert (done.code, "not updated, because the check failed" in done.stderr) == (2, True)
    assert path.read_bytes() == before
    check("ci/lossy", "--against", path, "--update", "--force")
    assert path.read_bytes() != before


def test_the_baseline_of_another_machine_is_not_replaced(check, results):
    check("ci/base", "--update")
    path = results / "baselines/a-processor-2-threads/ci.json"
    done = check("ci/elsewhere", "--against", path, "--metrics", "top1", "--update")
    assert (done.code, "baseline of another machine" in done.stderr) == (2, True)


def test_fifteen_jobs_are_the_measure_of_the_next(check, results):
    for number in range(16):
        make_run(results / "long" / f"j{number:02d}", made(seed=number))
        check(f"long/j{number:02d}", "--update")
    path = results / "baselines/a-processor-2-threads/long.json"
    make_run(results / "long" / "new", made(seed=99))
    make_run(results / "long" / "slow", made(seed=98, factor=1.1))
    assert "against 16 earlier jobs" in check("long/new", "--against", path).stdout
    assert check("long/slow", "--against", path).code == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not a valid baseline file"),
        (b"{}", 'its "kind" is not "baseline"'),
        (b'{"kind": "baseline", "schema": 9}', "schema 9 is newer than this cvbench"),
        (b'{"kind": "baseline", "schema": 1, "suite": 3}', "suite: Input should be a valid string"),
    ],
)
def test_a_file_that_is_no_baseline_is_named(check, results, content, message):
    path = results / "wrong.json"
    path.write_bytes(content)
    done = check("ci/same", "--against", path)
    assert done.code == 2
    assert str(path) in done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("name", ["outcomes/../../evil", "cells/x.json", "/etc/passwd"])
def test_a_baseline_writes_nowhere_but_into_its_own_folder(check, results, name):
    check("ci/base", "--update")
    path = results / "baselines/a-processor-2-threads/ci.json"
    content = json.loads(path.read_text())
    content["files"][name] = ""
    path.write_text(json.dumps(content))
    done = check("ci/same", "--against", path)
    assert (done.code, "is not the name of a sample or outcome file" in done.stderr) == (2, True)


def test_outputs_for_programs(check, results, tmp_path):
    given = "ci/lossy", "--against", "ci/base", "--junit", tmp_path / "j.xml", "--summary", tmp_path / "s.md"
    done = check(*given, "--json")
    assert done.document["exit_code"] == done.code == 1
    assert {item["answer"] for item in done.document["items"]} == {"pass", "regression"}
    assert ET.parse(tmp_path / "j.xml").getroot().get("failures") == "1"
    assert "## cvbench: ci" in (tmp_path / "s.md").read_text()


def test_under_github_annotations_and_the_job_summary_come_by_themselves(check, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = check("ci/lossy", "--against", "ci/base")
    assert "::error title=cvbench regression%3A resnet18%3A top1::" in done.stderr
    assert "top1" in (tmp_path / "summary.md").read_text()


def test_an_empty_run_is_refused(check, results):
    make_run(results / "empty" / "a")
    done = check("empty/a")
    assert (done.code, "no cell is finished" in done.stderr) == (2, True)


def test_no_number_is_no_pass(check, results):
    run = make_run(results / "s" / "a", Made().add(figure("AP", 0.5)))
    (path,) = (run.folder / "cells").iterdir()
    path.write_text(path.read_text().replace("0.5", "NaN"))
    done = check("s/a")
    assert done.code == 2
    assert "finite" in done.stderr


def test_timings_below_the_clocks_reach_are_shown_and_do_not_decide(check, results):
    for name, first in (("a", 5e-6), ("b", 7e-6), ("long", 5e-4)):
        of = made().rounds("postprocess", normal_rounds(first, seed=len(name)))
        make_run(results / "short" / name, of)
    unchanged = check("short/b", "--against", "short/a")
    assert unchanged.code == 0
    assert "not judged     resnet18: postprocess_p50 (batch=1): 5." in unchanged.stdout
    assert "shorter than 50.0 µs" in unchanged.stdout
    assert check("short/long", "--against", "short/a").code == 1  # one of the two is long enough to count


@pytest.mark.parametrize(("factor", "code"), [(1.5, 0), (2.5, 4)])
def test_one_process_decides_nothing_but_a_multiple_asks_for_an_answer(check, results, factor, code):
    once = normal_rounds(0.01, seed=1)[:1]
    make_run(results / "once" / "a", Made().topk(RIGHT).rounds("latency", once))
    make_run(
        results / "once" / "b", Made().topk(RIGHT).rounds("latency", [factor * np.asarray(v) for v in once])
    )
    done = check("once/b", "--against", "once/a")
    assert done.code == code
    assert "one process only" in done.stdout


def test_an_inconclusive_check_names_its_remedies_and_each_line_shows_before_and_after(check, results):
    make_run(results / "few" / "a", Made(data=passport(50)).topk(RIGHT[:50]))
    make_run(results / "few" / "b", Made(data=passport(50)).topk(flipped(RIGHT[:50], 1, 0)))
    told = check("few/b", "--against", "few/a").stdout
    assert "--on-inconclusive pass (or fail)" in told
    assert "--metrics 'top1'" in told
    before, after = (float(np.mean(r)) for r in (RIGHT[:50], flipped(RIGHT[:50], 1, 0)))
    assert f"top1: {before:.4f} → {after:.4f}, " in told


def test_earlier_variants_in_a_runs_folder_are_listed_and_not_judged(check, results):
    limited = cell().model_copy(update={"data": cell().data.model_copy(update={"limit": 5})})
    run = make_run(results / "s" / "a", made(), records=[bad(limited)])
    assert check("s/a").code == 3
    rewrite(run, cells=[{"key": cell().key}])
    done = check("s/a", "--against", "ci/base")
    assert done.code == 0
    assert "not judged: 1 cell of earlier commands" in done.stdout
    assert f"{limited.key[:8]}  resnet18, on fashion/test, seed 0, 5 images (limit)" in done.stdout


def test_the_default_baseline_is_not_among_results_and_continues_one_that_is(cvbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for run in ("base", "same"):
        make_run(tmp_path / "results" / "ci" / run, made())
    file = Path("baselines/a-processor-2-threads/ci.json")
    assert "check RUN --against baselines/" in cvbench("check", "ci/base", "--update").stdout
    old = "results" / file
    old.parent.mkdir(parents=True)
    file.rename(old)
    done = cvbench("check", "ci/same", "--update")
    assert f"It continues {old}" in done.stdout
    assert len(json.loads(file.read_text())["jobs"]) == 2


def test_the_default_baseline_is_not_ignored_by_this_repository():
    root = Path(__file__).parents[2]
    ignored = ["git", "-C", str(root), "check-ignore", "-q"]
    assert subprocess.run([*ignored, "results/baselines/m/ci.json"], check=False).returncode == 0
    assert subprocess.run([*ignored, "baselines/m/ci.json"], check=False).returncode == 1
