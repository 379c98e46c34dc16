"""COCO as it is published: gaps in the ids, crowds, masks in each form, images without objects."""

import contextlib
import io
import pickle
import warnings

import numpy as np
import pytest
from pycocotools.coco import COCO

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.coco import PUBLISHED
from cvbench.errors import DataError
from cvbench.models.labels import COCO_IDS
from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees import coco as tree
from tests.data.datasets.trees.pixels import decoded, jpeg, pixels


def opened(root, **options):
    spec = DataSpec(name="coco", root=str(root), split="val", options={"subset": True, **options})
    return open_dataset(spec, task="detection")


def test_samples_are_those_of_the_file_by_rising_id(tmp_path):
    dataset = opened(tree.write(tmp_path))
    first, bare, crowded, last = (dataset[i] for i in range(4))

    assert [sample.id for sample in (first, bare, crowded, last)] == ["139", "285", "632", "724"]
    assert first.truth.boxes.tolist() == [[2.0, 3.0, 12.0, 13.0], [20.5, 4.25, 28.5, 20.75]]
    assert first.truth.labels.tolist() == [0, 79]  # person, and toothbrush, whose id is 90
    assert first.truth.areas.tolist() == [50.0, 66.0]
    assert crowded.truth.crowd.tolist() == [False, True]
    assert crowded.truth.labels.tolist() == [59, 0]  # bed, whose id is 65
    assert last.truth.labels.tolist() == [11]  # stop sign, whose id is 13
    assert len(bare.truth) == 0
    assert bare.truth.boxes.shape == (0, 4)
    assert dataset.passport.objects == 5
    assert dataset.passport.split == "val2017"


def test_pixels_are_rgb_as_pillow_reads_them(tmp_path):
    dataset = opened(tree.write(tmp_path))
    for k, number in enumerate(tree.IMAGES):
        expected = decoded(jpeg(pixels(number, 24, 32)))
        assert np.array_equal(dataset[k].image.permute(1, 2, 0).numpy(), expected)


def test_masks_are_those_of_the_reference_in_each_form(tmp_path):
    dataset = opened(tree.write(tmp_path), masks=True)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(tmp_path / "annotations/instances_val2017.json"))
    for k, number in enumerate(tree.IMAGES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools 2.0.11 with NumPy 2
            expected = [reference.annToMask(a) for a in reference.imgToAnns[number]]
        assert dataset[k].truth.masks.shape == (len(expected), 24, 32)
        for mask, other in zip(dataset[k].truth.masks, expected, strict=True):
            assert np.array_equal(mask.numpy(), other.astype(bool))


def test_without_masks_none_are_drawn(tmp_path):
    assert opened(tree.write(tmp_path))[0].truth.masks is None


@pytest.mark.parametrize("part", ["images/val2017", "val2017"])
def test_images_lie_beside_or_in_a_folder_of_all_images(tmp_path, part):
    assert len(opened(tree.write(tmp_path, folder=part))) == 4


def test_the_year_2014_has_files_of_its_own(tmp_path):
    assert opened(tree.write(tmp_path, part="val2014"), year=2014).passport.split == "val2014"


def test_the_names_and_gaps_are_those_of_the_models(tmp_path):
    dataset = opened(tree.write(tmp_path))

    assert tuple(COCO_CATEGORIES) == COCO_IDS
    assert dataset.classes == tuple(COCO_CATEGORIES.values())
    assert len(dataset.classes) == 80


def test_the_names_are_those_of_torchvision():
    from torchvision.models._meta import _COCO_CATEGORIES

    assert all(_COCO_CATEGORIES[number] == name for number, name in COCO_CATEGORIES.items())


def test_a_worker_process_reads_the_same(tmp_path):
    dataset = opened(tree.write(tmp_path), masks=True)
    copy = pickle.loads(pickle.dumps(dataset))

    assert copy[0].truth.boxes.tolist() == dataset[0].truth.boxes.tolist()
    assert copy[2].truth.masks.sum() == dataset[2].truth.masks.sum()


def test_kept_columns_are_those_that_were_read(tmp_path, monkeypatch):
    from cvbench.data.datasets import coco_detection

    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path / "cache"))
    first = opened(tree.write(tmp_path / "tree"), masks=True)
    monkeypatch.setattr(coco_detection, "_read", None)  # nothing is read from here on
    second = opened(tmp_path / "tree", masks=True)

    assert [path.suffix for path in (tmp_path / "cache/coco").iterdir()] == [".npz"]
    assert second.passport == first.passport
    for k in range(4):
        one, other = first[k].truth, second[k].truth
        assert all(
            getattr(one, name).equal(getattr(other, name)) for name in vars(one) if name != "difficult"
        )


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04nonsense", None])
def test_a_damaged_cache_is_written_anew(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path / "cache"))
    first = opened(tree.write(tmp_path / "tree"))
    (kept,) = (tmp_path / "cache/coco").iterdir()
    whole = kept.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    kept.write_bytes(flipped if damage is None else damage)

    assert opened(tmp_path / "tree").passport == first.passport
    assert kept.read_bytes() == whole


def test_a_cache_holds_nothing_that_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path / "cache"))
    opened(tree.write(tmp_path / "tree"))
    (kept,) = (tmp_path / "cache/coco").iterdir()
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return ran.touch, ()

    np.savez(kept, image_id=np.array([Bomb()], object), allow_pickle=True)
    opened(tmp_path / "tree")

    assert not ran.exists()


def test_without_a_place_for_the_cache_the_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path / "cache"))

    assert len(opened(tree.write(tmp_path / "tree"))) == 4


def refusal(root, **options):
    with pytest.raises(DataError) as error:
        opened(root, **options)
    return str(error.value)


def test_a_part_has_to_be_asked_for(tmp_path):
    assert "val2017 has 4 images; the published split has 5,000" in refusal(
        tree.write(tmp_path), subset=False
    )
    assert PUBLISHED["train2014"] + PUBLISHED["val2014"] == PUBLISHED["train2017"] + PUBLISHED["val2017"]


def without(key):
    return [{k: v for k, v in one.items() if k != key} for one in tree.document()["annotations"]]


def with_first(**changes):
    first, *others = tree.document()["annotations"]
    return [{**first, **changes}, *others]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": with_first(image_id=7)}, "image_id that the truth does not have"),
        ({"annotations": with_first(category_id=12)}, "category_id that the truth does not have"),
        ({"annotations": with_first(bbox=[1, 2, -3, 4])}, "bbox of negative width or height"),
        ({"annotations": with_first(id=1001)}, "an id that came before among the annotations"),
        ({"annotations": with_first(area=-1.0)}, "negative area"),
        ({"annotations": without("bbox")}, "no bbox"),
        ({"images": tree.document()["images"] * 2}, "an id that came before among the images"),
        ({"images": []}, "image_id that the truth does not have"),
        ({"images": [], "annotations": []}, "lists no images"),
        ({"images": [{"id": i} for i in tree.IMAGES]}, "an image without a file_name"),
        (
            {"images": [{"id": i, "file_name": "../x.jpg"} for i in tree.IMAGES]},
            "points outside the image folder",
        ),
        (
            {"images": [{"id": i, "file_name": "/etc/passwd"} for i in tree.IMAGES]},
            "points outside the image folder",
        ),
        ({"categories": tree.document()["categories"][:79]}, "category_id that the truth does not have"),
        (
            {"categories": [*tree.document()["categories"], {"id": 12, "name": "street sign"}]},
            "has 81 categories",
        ),
        (
            {
                "categories": [
                    {**c, "name": c["name"].replace("tv", "monitor")} for c in tree.document()["categories"]
                ]
            },
            "calls category 72 'monitor', and COCO 'tv'",
        ),
        ({"annotations": 5}, "its annotations are a number"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path, changes, message):
    said = refusal(tree.write(tmp_path, **changes))

    assert message in said
    assert "instances_val2017.json" in said


def test_a_file_without_areas_and_crowds_is_read(tmp_path):
    plain = [
        {k: v for k, v in one.items() if k not in ("area", "iscrowd")} for one in without("segmentation")
    ]
    truth = opened(tree.write(tmp_path, annotations=plain))[0].truth

    assert truth.areas.tolist() == [100.0, 132.0]  # of the boxes
    assert truth.crowd.tolist() == [False, False]


def test_folders_that_are_missing_are_named(tmp_path):
    assert "no val2017 of COCO here; looked for annotations/instances_val2017.json" in refusal(tmp_path)
    tree.write(tmp_path).joinpath("val2017").rename(tmp_path / "elsewhere")
    assert "no images of val2017 here; looked for val2017 or images/val2017" in refusal(tmp_path)
    (tmp_path / "val2017").mkdir()
    assert "contains none of the 4 images of" in refusal(tmp_path)
    assert "coco: year: 2015 is not available; use 2014 or 2017" in refusal(tmp_path, year=2015)


def test_one_missing_image_is_said_when_it_is_looked_at(tmp_path):
    dataset = opened(tree.write(tmp_path))
    (tmp_path / "val2017/000000000285.jpg").unlink()

    with pytest.raises(DataError, match=r"000000000285.jpg: there is no such file"):
        dataset[1]
    assert dataset[0].id == "139"


def test_an_image_of_another_size_than_its_annotation_is_refused(tmp_path):
    dataset = opened(tree.write(tmp_path))
    (tmp_path / "val2017/000000000285.jpg").write_bytes(jpeg(pixels(1, 32, 24)))

    with pytest.raises(
        DataError, match=r"24 x 32 pixels, but .* states 32 x 24: the image was resized or rotated"
    ):
        dataset[1]


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "a segmentation without a polygon"),
        ([[1, 2, 3, 4]], "a polygon that does not have three or more corners"),
        ({"size": [5, 5], "counts": "0"}, "run lengths of another size"),
        ("none", "annotation 1000: invalid segmentation"),
    ],
)
def test_a_mask_that_is_none_is_said_when_it_is_looked_at(tmp_path, segmentation, message):
    dataset = opened(tree.write(tmp_path, annotations=with_first(segmentation=segmentation)), masks=True)

    with pytest.raises(DataError, match=message):
        dataset[0]
    assert opened(tmp_path)[0].truth.masks is None  # whoever looks at boxes only is not bothered
