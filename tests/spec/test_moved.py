"""Module paths of the last release: they work, with a warning, and change no key."""

import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.errors import UnknownName
from cvbench.models.building import build_model
from cvbench.spec import moved
from cvbench.spec.catalogue import METRICS, load
from cvbench.spec.cell import DataSpec, ModelSpec
from cvbench.spec.moved import moved_address, new_home
from cvbench.spec.suite import parse_suite

PACKAGE = Path(moved.__file__).parents[1]
TABLE = dict(line.split() for line in (PACKAGE / "spec/moved.txt").read_text().splitlines())
NOW_PACKAGES = {"spec", "metrics.coco", "metrics.voc"}
"""Paths that were modules and now are packages: their classes are looked up one by one."""
SUITE = """
schema: 1
data: {name: "cvbench.datasets.fashion_scenes:fashion_scenes"}
train: {}
metrics: ["cvbench.metrics.coco:CocoBoxAP", "cvbench.metrics.voc:Voc2007"]
models: [{name: "cvbench.models.yolo_v3:yolo_v3", task: detection}]
"""


def is_module(path):
    place = PACKAGE.joinpath(*path.removesuffix(".*").split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def test_every_new_path_is_a_module_and_every_old_one_is_none():
    assert [new for new in TABLE.values() if not is_module(new)] == []
    assert {old for old in TABLE if is_module(old)} == NOW_PACKAGES


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("cvbench.protocols", "cvbench.interfaces", "Dataset"),
        ("cvbench.datasets", "cvbench.data.datasets", "open_dataset"),
        ("cvbench.datasets.fashion", "cvbench.data.datasets.fashion", "fashion"),
        ("cvbench.models.foreign.onnx_models", "cvbench.models.external.onnx", "build"),
        ("cvbench.models.yolo_v3.detector", "cvbench.models.yolo.yolo_v3.detector", "YoloV3"),
        ("cvbench.scoring.scoring", "cvbench.metrics.files.score", "score_files"),
    ],
)
def test_an_old_module_has_what_the_new_one_has_and_is_no_second_copy(monkeypatch, old, new, name):
    for step in range(2, old.count(".") + 2):  # as in a new process
        monkeypatch.delitem(sys.modules, ".".join(old.split(".")[:step]), raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = import_module(old)
    said = [str(one.message) for one in caught if one.category is DeprecationWarning]
    assert said[-1] == f"{old} has moved to {new}; the old path ends with cvbench 0.3"
    assert getattr(module, name) is getattr(import_module(new), name)
    assert name in dir(module)
    with pytest.raises(AttributeError):
        module.no_such_name  # noqa: B018, the access is what is tested


def test_a_class_of_a_module_that_is_a_package_now_is_found():
    with pytest.warns(
        DeprecationWarning, match=r"cvbench\.spec\.Cell has moved to cvbench\.spec\.cell\.Cell"
    ):
        from cvbench.spec import Cell
    assert Cell is import_module("cvbench.spec.cell").Cell
    with pytest.raises(ImportError, match="cannot import name 'Cel'"):
        from cvbench.spec import Cel  # noqa: F401


def test_other_modules_have_not_moved():
    assert new_home("cvbench.values") is None
    assert new_home("cvbench.metrics.coco.metric") is None
    assert new_home("torch.datasets") is None
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'cvbench\.protocol'"):
        import_module("cvbench.protocol")


def test_a_suite_with_old_paths_keeps_its_key_and_says_the_new_ones_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (cell,) = parse_suite(SUITE, path="a.yaml").cells
    assert cell.key == "877d0e41780d2fe9"  # as the last release has it
    said = [str(one.message) for one in caught if one.category is FutureWarning]
    assert said == [
        f"a.yaml: cvbench.{old} has moved; write cvbench.{new}. The old path ends with cvbench 0.3."
        for old, new in (
            ("models.yolo_v3:yolo_v3", "models.yolo.yolo_v3:yolo_v3"),
            ("datasets.fashion_scenes:fashion_scenes", "data.datasets.fashion_scenes:fashion_scenes"),
            ("metrics.coco:CocoBoxAP", "metrics.coco.metric:CocoBoxAP"),
            ("metrics.voc:Voc2007", "metrics.voc.metric:Voc2007"),
        )
    ]


def test_what_old_addresses_name_is_built_opened_and_computed():
    with pytest.warns(DeprecationWarning, match="write cvbench.models.yolo.yolo_v3:yolo_v3_tiny"):
        build_model(ModelSpec(name="cvbench.models.yolo_v3:yolo_v3_tiny", task="detection"), 2)
    spec = DataSpec(name="cvbench.datasets.fashion:fashion")
    with pytest.warns(DeprecationWarning, match="write cvbench.data.datasets.fashion:fashion"):
        assert len(open_dataset(spec, task="classification")) == 2000
    with pytest.warns(DeprecationWarning, match="write cvbench.metrics.coco.metric:CocoBoxAP"):
        assert METRICS.load("cvbench.metrics.coco:CocoBoxAP") is METRICS.load("coco")


def test_an_unknown_object_at_an_old_address_gets_the_nearest_one():
    assert moved_address("cvbench.metrics.coco:CocoBoxA") == "cvbench.metrics.coco.metric:CocoBoxA"
    with (
        pytest.warns(DeprecationWarning, match="has moved"),
        pytest.raises(UnknownName, match=r'has no "CocoBoxA"\.\n  Did you mean CocoBoxAP'),
    ):
        load("cvbench.metrics.coco:CocoBoxA")


def test_importing_cvbench_alone_reads_no_table():
    code = "import sys, cvbench; from cvbench.spec import moved; sys.exit(moved._table.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
