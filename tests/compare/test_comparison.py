"""Two runs on disk: what is said of each figure, and what is refused."""

import numpy as np
import pytest

from cvbench.compare.comparison import compare
from cvbench.compare.formatting import document, markdown, remarks, rows, summary
from cvbench.errors import InputError, StoreError
from tests.compare.runs import MACHINE, Made, figure, make_run, passport
from tests.records import bad, cell


def draw_right(n=10_000, share=0.8, seed=0):
    return np.random.default_rng(seed).random(n) < share


def flipped(right, lost, gained):
    """The same images, with the first so many right ones lost and wrong ones gained."""
    now = right.copy()
    now[np.flatnonzero(right)[:lost]] = False
    now[np.flatnonzero(~right)[:gained]] = True
    return now


def two(tmp_path, a, b):
    return make_run(tmp_path / "suite" / "a", a), make_run(tmp_path / "suite" / "b", b)


def only_difference(comparison):
    ((_, difference),) = comparison.differences
    return difference


def normal_rounds(centre, *, rounds=5, sd=0.003, n=40, seed=0):
    draw = np.random.default_rng(seed)
    return [
        centre * np.exp(sd * draw.standard_normal() + 0.01 * draw.standard_normal(n)) for _ in range(rounds)
    ]


def test_a_planted_loss_of_half_a_point_is_worse(tmp_path):
    right = draw_right()
    found = only_difference(
        compare(*two(tmp_path, Made().topk(right), Made(weights="b" * 64).topk(flipped(right, 125, 75))))
    )
    assert found.verdict == "worse"
    assert found.effect == pytest.approx(-0.005)
    assert found.interval.low < -0.005 < found.interval.high < 0
    assert found.detectable < 0.007
    assert "125 lost, 75 gained" in found.method


def test_as_many_lost_as_gained_is_the_same(tmp_path):
    right = draw_right()
    found = only_difference(
        compare(*two(tmp_path, Made().topk(right), Made().topk(flipped(right, 100, 100))))
    )
    assert found.verdict == "same"
    assert found.no_worse


def test_few_images_cannot_tell(tmp_path):
    right = draw_right(n=200)
    a, b = Made(data=passport(200)).topk(right), Made(data=passport(200)).topk(flipped(right, 3, 1))
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.verdict == "inconclusive"
    assert found.detectable > 0.02


def test_equal_answers_to_few_images_are_the_same(tmp_path):
    right = draw_right(n=20)
    a, b = Made(data=passport(20)).topk(right), Made(data=passport(20)).topk(right)
    assert only_difference(compare(*two(tmp_path, a, b))).verdict == "same"


def test_a_class_that_lost_is_told_as_information(tmp_path):
    right = draw_right()
    # all losses are in the first class: the first half of the images
    comparison = compare(*two(tmp_path, Made().topk(right), Made().topk(flipped(right, 60, 0))))
    coat, shoe = only_difference(comparison).classes
    assert (coat.name, coat.q < 1e-6, shoe.q) == ("coat", True, 1.0)
    assert "coat" in markdown(comparison)


def test_images_in_common_are_paired_though_others_are_not(tmp_path):
    right = draw_right()
    a = Made(data=passport(10_000, sha256="1" * 64)).topk(right)
    b = Made(data=passport(5_000, sha256="2" * 64)).topk(flipped(right, 100, 0)[:5000])
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.n == 5000
    assert found.effect == pytest.approx(-0.02)
    assert found.a == right[:5000].mean()


def test_without_common_images_it_is_unpaired_and_says_so(tmp_path):
    a = Made(cell(), data=passport(sha256="1" * 64)).topk(draw_right(1000))
    other = cell().model_copy(update={"data": cell().data.model_copy(update={"split": "val"})})
    b = Made(other, data=passport(split="val", sha256="2" * 64)).topk(
        draw_right(1000, seed=1), ids=[f"v{i}" for i in range(1000)]
    )
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.method.startswith("unpaired")
    assert "no per-image results of common images" in found.reason
    assert found.verdict == "inconclusive"


def test_another_state_of_the_data_voids_accuracy(tmp_path):
    right = draw_right(1000)
    a, b = Made().topk(right), Made(data=passport(sha256="e" * 64)).topk(right)
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.verdict == "not comparable"
    assert "data" in found.reason


def test_another_gpu_voids_speed_and_not_accuracy(tmp_path):
    right, times = draw_right(1000), normal_rounds(0.01)
    a = Made().topk(right).rounds("latency", times)
    b = Made(machine={**MACHINE, "gpu": "another"}).topk(right).rounds("latency", times)
    comparison = compare(*two(tmp_path, a, b))
    assert [d.verdict for _, d in comparison.differences] == ["same", "not comparable"]
    assert any("gpu: None → another (invalidates speed and memory)" in line for line in remarks(comparison))


def test_another_torch_is_told_and_voids_nothing(tmp_path):
    times = normal_rounds(0.01)
    a = Made().rounds("latency", times)
    b = Made(machine={**MACHINE, "torch": "2.10.0"}).rounds("latency", normal_rounds(0.01, seed=1))
    comparison = compare(*two(tmp_path, a, b))
    assert only_difference(comparison).verdict != "not comparable"
    assert "differs: torch: 2.9.0 → 2.10.0" in list(remarks(comparison))


def test_another_protocol_voids_that_figure(tmp_path):
    a, b = Made().add(figure("AP", 0.5, protocol="coco")), Made().add(figure("AP", 0.5, protocol="voc"))
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert (found.verdict, found.reason) == ("not comparable", "protocols differ: coco and voc")


@pytest.mark.parametrize(("factor", "verdict"), [(1.10, "worse"), (0.9, "better"), (1.0, "same")])
def test_speed_is_judged_by_rounds(tmp_path, factor, verdict):
    a = Made().rounds("latency", normal_rounds(0.01))
    b = Made().rounds("latency", normal_rounds(0.01 * factor, seed=1))
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.verdict == verdict
    assert found.n == 5
    assert found.effect == pytest.approx(factor - 1, abs=0.01)


def test_more_iterations_in_as_many_rounds_make_nothing_surer(tmp_path):
    def width(n, where):
        a = Made().rounds("latency", [np.full(n, t) for t in (1.0, 1.01, 1.02)])
        b = Made().rounds("latency", [np.full(n, t) for t in (1.01, 1.0, 1.03)])
        found = only_difference(compare(*two(tmp_path / where, a, b)))
        return found.interval.high - found.interval.low

    assert width(10, "few") == pytest.approx(width(1000, "many"))


def test_one_round_is_no_basis_and_the_message_says_what_is(tmp_path):
    a, b = (Made().rounds("latency", normal_rounds(t, rounds=1)) for t in (0.01, 0.02))
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.verdict == "inconclusive"
    assert "one process only" in found.reason
    assert "rounds: 5" in found.reason


def test_throughput_that_falls_is_worse(tmp_path):
    a = Made().rounds("throughput", normal_rounds(1000), at="batch=8", unit="images/s")
    b = Made().rounds("throughput", normal_rounds(900, seed=1), at="batch=8", unit="images/s")
    assert only_difference(compare(*two(tmp_path, a, b))).verdict == "worse"


@pytest.mark.parametrize(
    ("a", "b", "verdict"), [(2**30, 2**30 + 2**26, "worse"), (2**20, 2**22, "same"), (2**30, 2**29, "better")]
)
def test_memory_has_a_plain_rule(tmp_path, a, b, verdict):
    made = [Made().add(figure("peak_memory", v, unit="bytes", direction="lower")) for v in (a, b)]
    assert only_difference(compare(*two(tmp_path, *made))).verdict == verdict


def test_a_missing_figure_says_which_side_lacks_it(tmp_path):
    a, b = Made().add(figure("AP", 0.5)), Made().add(figure("AP", None, missing="no objects"))
    found = only_difference(compare(*two(tmp_path, a, b)))
    assert found.reason == "the second run's value is missing: no objects"


def test_many_equal_cells_raise_no_false_alarm(tmp_path):
    names = [f"pkg:net{i}" for i in range(60)]

    def made(seed):
        return [
            Made(cell(name)).rounds("latency", normal_rounds(0.01, sd=0.02, seed=1000 * seed + i))
            for i, name in enumerate(names)
        ]

    a, b = make_run(tmp_path / "s" / "a", *made(1)), make_run(tmp_path / "s" / "b", *made(2))
    words = [d.verdict for _, d in compare(a, b).differences]
    assert "worse" not in words
    assert "better" not in words


def test_cells_that_did_not_finish_are_told(tmp_path):
    right = draw_right(1000)
    failed = bad(cell("vgg16"))
    a = make_run(tmp_path / "s" / "a", Made().topk(right), Made(cell("vgg16")).topk(right))
    b = make_run(tmp_path / "s" / "b", Made().topk(right), records=[failed])
    comparison = compare(a, b)
    assert "not finished: vgg16: ok before, failed now" in list(remarks(comparison))
    assert summary(comparison) == "1 same, 1 not comparable"


def test_other_weights_meet_the_cell_that_they_replace(tmp_path):
    other = cell().model_copy(update={"model": cell().model.model_copy(update={"weights": "new.pth"})})
    right = draw_right(1000)
    comparison = compare(*two(tmp_path, Made().topk(right), Made(other, weights="b" * 64).topk(right)))
    assert len(comparison.cells) == 1
    assert any("model.weights: None → new.pth" in line for line in remarks(comparison))


def test_two_trainings_are_told_apart_from_two_states_of_one(tmp_path):
    right = draw_right(1000)
    made = [Made(weights=w * 64, source="trained").topk(right) for w in "ab"]
    assert any("come from two trainings" in note for note in compare(*two(tmp_path, *made)).notes)


def test_no_common_cell_is_refused_with_what_there_is(tmp_path):
    a, b = Made(cell("vgg16")).topk(draw_right(10)), Made(cell("alexnet")).topk(draw_right(10))
    with pytest.raises(
        InputError, match=r"no cell in common.\n  The first has: vgg16.\n  The second has: alexnet"
    ):
        compare(*two(tmp_path, a, b))


def test_only_chooses_cells_or_figures(tmp_path):
    right = draw_right(1000)
    a, b = (
        make_run(
            tmp_path / "s" / run,
            *(Made(cell(m)).topk(right).rounds("latency", normal_rounds(0.01)) for m in ("vgg16", "unet")),
        )
        for run in "ab"
    )
    assert {c.title for c, _ in compare(a, b, only="vgg*").differences} == {"vgg16"}
    assert {d.figure for _, d in compare(a, b, only="latency*").differences} == {"latency_p50"}
    by_key = compare(a, b, only=a.records()[0].key[:4])
    assert {c.title for c, _ in by_key.differences} == {a.records()[0].cell.title}
    with pytest.raises(InputError, match="matches no cell"):
        compare(a, b, only=a.records()[0].key[:3])
    with pytest.raises(InputError, match=r"--only nothing matches no cell or metric of both"):
        compare(a, b, only="nothing")


def test_a_file_that_was_changed_is_refused_by_name(tmp_path):
    right = draw_right(1000)
    a, b = two(tmp_path, Made().topk(right), Made().topk(right))
    (path,) = (b.folder / "outcomes").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=rf"{path}: outcomes topk of resnet18: the file has changed"):
        compare(a, b)
    path.unlink()
    with pytest.raises(StoreError, match="the file cannot be read"):
        compare(a, b)


def test_a_record_cannot_point_outside_its_run(tmp_path):
    right = draw_right(100)
    a, b = two(tmp_path, Made().topk(right), Made().topk(right))
    (path,) = (b.folder / "cells").iterdir()
    path.write_text(path.read_text().replace('"file":"outcomes/', '"file":"../../outcomes/'))
    with pytest.raises(StoreError, match="outside the run's folder"):
        compare(a, b)


def test_what_comes_from_files_stays_text_in_markdown(tmp_path):
    evil = cell("pkg:<script>|x")
    right = draw_right(100)
    page = markdown(compare(*two(tmp_path, Made(evil).topk(right), Made(evil).topk(right))))
    assert "<script>" not in page
    assert "\\|x" in page


def test_rows_show_the_headlines_and_all_on_demand(tmp_path):
    right = draw_right(1000)
    made = [Made().topk(right).add(figure("top5", 0.9, interval=(0.8, 1.0))) for _ in range(2)]
    comparison = compare(*two(tmp_path, *made))
    assert [row["metric"] for row in rows(comparison)] == ["top1"]
    assert [row["metric"] for row in rows(comparison, everything=True)] == ["top1", "top5"]
    assert document(comparison)["cells"][0]["differences"][0]["verdict"] == "same"


def test_a_change_beyond_tenfold_has_no_digits_for_people_and_all_for_programs(tmp_path):
    wild = [np.full(40, at) for at in (0.001, 1.0)]
    a, b = (make_run(tmp_path / "s" / name, Made().rounds("latency", wild)) for name in "ab")
    comparison = compare(a, b)
    (row,) = [row for row in rows(comparison) if row["metric"].startswith("latency")]
    assert row["99 % interval"].endswith("… > +1000 %")
    assert row["MDE"] == "> 1000 %"
    (found,) = [d for _, d in comparison.differences if d.figure.startswith("latency")]
    assert found.detectable > 10


def test_outcomes_of_two_protocols_are_not_paired(tmp_path):
    right = np.arange(40) % 7 > 0
    runs = []
    for part, protocol in (("a", "topk/ties-against"), ("b", "miou/")):
        made = Made(weights=part * 64).topk(right)
        made.tables = (
            [
                (
                    kind,
                    name,
                    {**columns, **dict.fromkeys(("hits", "predicted", "true"), [[1, 1]] * 40)},
                    protocol,
                )
                for kind, name, columns, _ in made.tables
            ]
            if part == "b"
            else made.tables
        )
        runs.append(make_run(tmp_path / "s" / part, made))
    [(_, difference)] = compare(*runs).differences
    assert "no per-image results of common images" in difference.reason
