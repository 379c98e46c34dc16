"""Several trainings of one net: seed meets seed, and the mean over them carries the luck of training too."""

import numpy as np
import pytest
from scipy import stats

from cvbench.compare.comparison import compare, compare_models
from cvbench.compare.formatting import csv, markdown, remarks, rows
from cvbench.compare.ranking import rank, table
from cvbench.errors import InputError
from tests.compare.runs import Made, make_run
from tests.compare.test_comparison import draw_right, flipped
from tests.records import cell

RIGHT = draw_right(2000)


def trained(lost, *, name="pkg:net", source="trained"):
    """A cell a seed, with so many images lost each."""
    return [
        Made(cell(name, seed=seed), weights=f"{len(name)}{seed}{own}".zfill(64), source=source).topk(
            flipped(RIGHT, own, 0)
        )
        for seed, own in enumerate(lost)
    ]


def runs(tmp_path, *made):
    return [make_run(tmp_path / "s" / f"r{n}", *own) for n, own in enumerate(made)]


def test_seed_meets_seed_and_each_row_says_which(tmp_path):
    comparison = compare(*runs(tmp_path, trained([0, 10, 20]), trained([40, 60, 50])))
    assert [c.title for c in comparison.cells] == [f"pkg:net seed={seed}" for seed in range(3)]
    assert [d.effect for _, d in comparison.differences] == pytest.approx(
        [-40 / 2000, -50 / 2000, -30 / 2000]
    )


def test_cells_of_one_run_alone_are_told_with_their_seeds(tmp_path):
    more = compare(*runs(tmp_path, trained([0, 10, 20]), trained([40, 60])))
    assert more.only_a == ("pkg:net seed=2",)
    assert "only before: pkg:net seed=2" in list(remarks(more))
    others = [*trained([0, 10, 20])[2:], *trained([5], name="pkg:own")]
    fewer = compare(*runs(tmp_path / "x", [*trained([0, 10]), *trained([5], name="pkg:own")], others))
    assert (fewer.only_a, fewer.only_b) == (("pkg:net seed=0", "pkg:net seed=1"), ("pkg:net seed=2",))


def test_runs_whose_seeds_differ_throughout_say_so(tmp_path):
    made = trained([0, 10, 20, 30])
    with pytest.raises(
        InputError, match=r"first has: pkg:net seed=0, pkg:net seed=1\.\n.*second has: pkg:net seed=2"
    ):
        compare(*runs(tmp_path, made[:2], made[2:]))


def test_over_the_seeds_it_is_students_t_on_their_differences(tmp_path):
    before, now = [0, 10, 20, 10], [400, 430, 405, 420]
    comparison = compare(*runs(tmp_path, trained(before), trained(now)))
    (together,) = comparison.over_seeds
    (found,) = together.differences
    assert (together.title, together.seeds, found.n) == ("pkg:net", (0, 1, 2, 3), 4)
    apart = (np.array(before) - np.array(now)) / 2000
    assert found.effect == pytest.approx(apart.mean())
    assert tuple(found.interval) == pytest.approx(
        tuple(stats.ttest_1samp(apart, 0).confidence_interval(0.99))
    )
    assert found.p == pytest.approx(stats.ttest_1samp(apart, 0, alternative="less").pvalue)
    assert found.verdict == "worse"
    assert found.b - found.a == pytest.approx(found.effect)
    words = rows(comparison)[-1]
    assert words["cell"] == "pkg:net, mean of 4 seeds"
    assert words["basis"] == "4 seeds in pairs: Student's t on the differences"
    assert "mean of 4 seeds" in markdown(comparison)
    assert csv(comparison).splitlines()[-1].startswith('"pkg:net, mean of 4 seeds",fashion,,,top1')


def test_seeds_that_disagree_cannot_tell_though_each_alone_would(tmp_path):
    comparison = compare(*runs(tmp_path, trained([0, 200, 0]), trained([200, 0, 200])))
    assert {d.verdict for _, d in comparison.differences} == {"worse", "better"}
    assert comparison.over_seeds[0].differences[0].verdict == "inconclusive"


def test_one_seed_has_no_mean_and_the_note_stays(tmp_path):
    comparison = compare(*runs(tmp_path, trained([0]), trained([10])))
    assert (comparison.over_seeds, comparison.cells[0].title) == ((), "pkg:net")
    assert any("two trainings" in line for line in remarks(comparison))


def test_with_several_seeds_the_note_on_two_trainings_is_answered(tmp_path):
    comparison = compare(*runs(tmp_path, trained([0, 1]), trained([10, 12])))
    assert not any("two trainings" in line for line in remarks(comparison))


def test_loaded_weights_do_not_vary_with_the_seed(tmp_path):
    loaded = runs(tmp_path, trained([0, 1], source="loaded"), trained([10, 12], source="loaded"))
    assert compare(*loaded).over_seeds == ()
    assert [c.title for c in rank(loaded[:1])[0].cells] == ["pkg:net seed=0", "pkg:net seed=1"]


def test_a_ranking_has_one_row_for_all_seeds_and_separates_by_how_trainings_differ(tmp_path):
    good, bad, luck = [0, 4, 8, 4], [300, 306, 299, 303], [0, 300, 10, 280]
    (run,) = runs(tmp_path, [*trained(good), *trained(bad, name="pkg:bad"), *trained(luck, name="pkg:luck")])
    (ranking,) = rank([run])
    places = {c.title: (c.places[0].rank, c.seeds) for c in ranking.cells}
    assert places == {
        "pkg:net, 4 seeds": (1, (0, 1, 2, 3)),
        "pkg:luck, 4 seeds": (1, (0, 1, 2, 3)),
        "pkg:bad, 4 seeds": (2, (0, 1, 2, 3)),
    }
    first = ranking.cells[0].places[0]
    shares = RIGHT.mean() - np.array(good) / 2000
    assert first.value == pytest.approx(shares.mean())
    assert first.interval == pytest.approx(tuple(stats.t.interval(0.95, 3, shares.mean(), stats.sem(shares))))
    assert table(ranking)[0]["cell"] == "pkg:net, 4 seeds"


def test_a_table_has_one_row_for_all_seeds_with_mean_and_deviation_unless_they_are_separate(tmp_path):
    comparison = compare(*runs(tmp_path, trained([0, 4]), trained([200, 210])))
    (folded,) = rows(comparison)
    assert folded["cell"] == "pkg:net, mean of 2 seeds"
    first = RIGHT.mean() - np.array([0, 4]) / 2000
    assert folded["before"] == f"{first.mean():.4f} ± {first.std(ddof=1):.4f}"
    assert [row["cell"] for row in rows(comparison, separate=True)] == [
        "pkg:net seed=0", "pkg:net seed=1", "pkg:net, mean of 2 seeds",
    ]  # fmt: skip


def test_two_models_of_one_run_are_compared_image_by_image_and_over_seeds_as_two_runs_are(tmp_path):
    good, bad = trained([0, 4, 8, 4]), trained([300, 306, 299, 303], name="pkg:bad")
    (both,) = runs(tmp_path / "both", [*good, *bad])
    found = compare_models(both, "pkg:net", "pkg:bad")
    assert [cell.title for cell in found.cells] == [f"pkg:net seed={s} → pkg:bad seed={s}" for s in range(4)]
    apart = runs(tmp_path / "apart", trained([0, 4, 8, 4]), trained([300, 306, 299, 303]))
    as_two_runs = [d for _, d in compare(*apart).differences]
    assert [d for _, d in found.differences] == as_two_runs
    assert [one.title for one in found.over_seeds] == ["pkg:net → pkg:bad"]


@pytest.mark.parametrize(
    ("names", "message"),
    [(("pkg:net", "vgg"), "vgg: no such cell"), (("pkg:net", "pkg:net"), "no two cells")],
)
def test_models_that_cannot_be_compared_are_refused(tmp_path, names, message):
    (run,) = runs(tmp_path, trained([0]))
    with pytest.raises(InputError, match=message):
        compare_models(run, *names)
