"""`cvbench plan`: what a suite would do here."""

import json
from pathlib import Path

import pytest

from cvbench.spec.suite import load_suite

pytestmark = pytest.mark.usefixtures("folder")


def test_every_cell_is_a_row_with_its_key(cvbench):
    done = cvbench("plan", "suites/small.yaml")
    rows = done.stdout.splitlines()
    keys = [cell.key for cell in load_suite("suites/small.yaml").cells]
    assert done.code == 0
    assert done.stderr == ""
    assert rows[0].split() == [
        "model",
        "task",
        "data",
        "weights",
        "metrics",
        "timing",
        "runtime",
        "seed",
        "time",
        "key",
    ]
    assert [keys[0] in rows[1], keys[1] in rows[2]] == [True, True]
    assert rows[2].startswith("resnet18 width=0.5  classification  fashion/test  train 2 epochs  topk")
    assert rows[-1].startswith(
        "small: 2 cells; expected time: at least 38.0 s for 2 cells that never ran here"
    )
    assert rows[-1].endswith("training of 2 epochs x 5,000 images and scoring of 2,000 images: unknown")


def test_a_metric_is_shown_by_the_fields_name(cvbench):
    done = cvbench(
        "plan", "suites/small.yaml", "models=[yolo_v3_tiny]", "data=fashion-scenes", "metrics=[coco]"
    )
    assert "coco-bbox" in done.stdout


def test_what_would_be_skipped_says_why(cvbench):
    done = cvbench("plan", "suites/small.yaml", "runtime={device: cpu, precision: [fp32, fp16]}")
    assert done.stdout.count("running in fp16 needs a GPU; bf16 runs on a CPU") == 2
    assert done.stdout.splitlines()[-1].startswith(
        "small: 4 cells, 2 of them skipped; expected time: at least"
    )


def test_what_is_missing_is_told_once_below_the_table(cvbench):
    done = cvbench("plan", "suites/small.yaml", "data=imagenet", "models.0.weights=a.safetensors")
    table, below = done.stdout.split("\n\n")
    rows, (*missing, last) = table.splitlines(), below.splitlines()
    assert rows[1].endswith("no data, no weights")
    assert rows[2].endswith("no data")
    assert missing == [
        "no data: set data.root to the folder of imagenet, or put it at $CVBENCH_DATA/imagenet (2 cells)",
        "no weights: there is no file a.safetensors",
    ]
    assert last == "small: 2 cells, 2 of them skipped"


def test_overrides_choice_and_limit_count(cvbench):
    overrides = ["train.epochs=7", "runtime={threads: 3, compile: true}", "time.latency=null"]
    done = cvbench("plan", "suites/small.yaml", *overrides, "--only", "*width*", "--limit", "9")
    (row,) = done.stdout.splitlines()[1:-2]
    for words in ("train 7 epochs", "fashion/test 9 images", "compiled, 3 threads", "throughput"):
        assert words in row
    assert "latency" not in row


def test_weights_and_their_absence_are_told(cvbench):
    overrides = ["train=null", "metrics=[]", "models.0.weights=a.safetensors"]
    done = cvbench("plan", "suites/small.yaml", *overrides)
    rows = done.stdout.splitlines()
    assert "a.safetensors" in rows[1]
    assert "untrained" in rows[2]


def test_json_is_one_document(cvbench):
    done = cvbench("plan", "suites/small.yaml", "runtime.device=cpu", "--json")
    document = done.document
    assert document["suite"] == "small"
    assert document["timeout_s"] == 3600.0
    assert [cell["title"] for cell in document["cells"]] == ["resnet18", "resnet18 width=0.5"]
    assert [cell["skip"] for cell in document["cells"]] == [None, None]
    assert document["cells"][1]["cell"]["model"]["options"] == {"width": 0.5}
    assert done.stderr == ""


def test_a_mistake_ends_with_2_and_every_problem_on_standard_error(cvbench):
    done = cvbench("plan", "suites/small.yaml", "train.epoch=3", "sede=3", "--json")
    assert done.code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        'override train.epoch=3: there is no key "epoch" here.',
        "  Did you mean epochs?   See all: cvbench schema suite",
        'override sede=3: there is no key "sede" here.',
        "  Did you mean seed?   See all: cvbench schema suite",
    ]


def test_a_pattern_that_names_nothing_ends_with_2(cvbench):
    done = cvbench("plan", "suites/small.yaml", "--only", "vgg*")
    assert done.code == 2
    assert done.stderr == "--only vgg*: no cell matches.\n  The cells are: resnet18, resnet18 width=0.5.\n"


def test_a_limit_below_one_is_refused(cvbench):
    assert cvbench("plan", "suites/small.yaml", "--limit", "0").code == 2


@pytest.mark.parametrize("name", ["imagenet", "coco", "voc"])
def test_a_machine_without_the_data_and_the_weights_is_told_what_is_missing_and_where(
    cvbench, name, monkeypatch, tmp_path
):
    suite = Path(__file__).parents[2] / "suites" / f"{name}.yaml"
    monkeypatch.delenv("CVBENCH_DATA", raising=False)
    monkeypatch.setenv("CVBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    cells = cvbench("plan", str(suite), "--json").document["cells"]
    for cell in cells:
        assert f"put it at $CVBENCH_DATA/{name}" in cell["skip"]
        weights = cell["cell"]["model"]["weights"]
        if "_Weights." in weights:
            assert f"{tmp_path}/torchvision/" in cell["skip"]
            assert "https://download.pytorch.org/models/" in cell["skip"]
        else:
            assert f"there is no file {weights}" in cell["skip"]


def own_images(root, *paths):
    from tests.data.datasets.trees.pixels import jpeg, pixels

    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(jpeg(pixels(int(path[-5]))))
    return [f"data={{name: folder, split: val, root: {root}}}"]


def test_data_that_a_run_would_refuse_is_refused(cvbench, tmp_path):
    data = own_images(tmp_path, "train/ant/1.jpg", "val/Ant/2.jpg")
    done = cvbench("plan", "suites/small.yaml", *data)

    assert done.code == 2
    assert f"will fail: {tmp_path}: val and train have no class in common." in done.stdout
    (first, second) = json.loads(cvbench("plan", "suites/small.yaml", *data, "--json").stdout)["cells"]
    assert first["problem"] == second["problem"]
    assert "no class in common" in first["problem"]


def test_images_that_are_trained_on_and_scored_are_noted(cvbench, tmp_path):
    data = own_images(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "val/a/1.jpg", "val/b/3.jpg")
    done = cvbench("plan", "suites/small.yaml", *data)

    assert done.code == 0
    assert "note: 1 of 2 images of the scored split are in the training split: " in done.stdout
