"""ImageNet in each of its layouts: the same samples, or a message that says what is wrong."""

import io
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.imagenet import PUBLISHED
from cvbench.errors import DataError
from cvbench.spec.catalogue.label_spaces import imagenet_classes, labels_by_ilsvrc
from cvbench.spec.cell import DataSpec
from cvbench.training.batches import Order
from tests.data.datasets.trees import imagenet as trees
from tests.data.datasets.trees.pixels import decoded, jpeg, pixels

LAYOUTS = {
    "folders": trees.in_folders,
    "flat with the devkit": lambda root: trees.devkit(trees.flat(root)),
    "flat with the packed devkit": lambda root: trees.packed_devkit(trees.flat(root)),
    "flat with a list": lambda root: trees.caffe_list(trees.flat(root)),
    "tar with the devkit": lambda root: trees.devkit(trees.packed(root)),
    "tar with a list": lambda root: trees.caffe_list(trees.packed(root)),
}


def opened(root, split="val", **options):
    spec = DataSpec(name="imagenet", root=str(root), split=split, options={"subset": True, **options})
    return open_dataset(spec, task="classification")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_published_labels_in_the_published_order(tmp_path, layout):
    dataset = opened(LAYOUTS[layout](tmp_path))

    assert [dataset[i].truth.label for i in range(len(dataset))] == list(trees.LABELS)
    assert [dataset[i].id for i in range(3)] == [f"ILSVRC2012_val_{k:08d}" for k in (1, 2, 3)]
    assert len(dataset.classes) == 1000
    assert dataset.classes[65] == "sea snake"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_pixels_and_the_same_passport(tmp_path, layout):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    dataset, other = opened(LAYOUTS[layout](tmp_path / "a")), opened(trees.in_folders(tmp_path / "b"))

    assert dataset.passport == other.passport
    for k in range(len(dataset)):
        expected = decoded(jpeg(pixels(k + 1)))
        assert np.array_equal(dataset[k].image.permute(1, 2, 0).numpy(), expected)


def test_training_folders_are_read_like_validation_folders(tmp_path):
    dataset = opened(trees.in_folders(tmp_path, split="train"), split="train")

    assert len(dataset) == 10
    assert dataset.passport.split == "train"


@pytest.mark.parametrize("below", ["ILSVRC2012_img_val", "Data/CLS-LOC/val", "ILSVRC/Data/CLS-LOC/val"])
def test_the_folders_of_other_copies_are_found(tmp_path, below):
    assert len(opened(trees.in_folders(tmp_path, split=below))) == 10


def test_a_class_keeps_its_label_where_other_folders_are_missing(tmp_path):
    dataset = opened(trees.in_folders(tmp_path, labels=(999, 0)))

    assert [dataset[0].truth.label, dataset[1].truth.label] == [999, 0]


def test_a_packed_set_is_read_by_many_threads_and_in_other_processes(tmp_path):
    dataset = opened(trees.caffe_list(trees.packed(tmp_path)))
    dataset[0]
    copy = pickle.loads(pickle.dumps(dataset))
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(dataset.pictures.read, [k % 10 for k in range(200)]))

    assert read == [jpeg(pixels(k % 10 + 1)) for k in range(200)]
    assert copy.pictures.read(3) == jpeg(pixels(4))


def test_a_copy_with_other_images_has_another_passport(tmp_path):
    before = opened(trees.in_folders(tmp_path)).passport
    file = next(tmp_path.glob("val/*/*.JPEG"))
    file.write_bytes(jpeg(pixels(1, 12, 16)))

    assert opened(tmp_path).passport.sha256 != before.sha256


def test_labels_that_moved_are_another_passport(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = opened(trees.caffe_list(trees.flat(tmp_path / "a")))
    other = opened(trees.caffe_list(trees.flat(tmp_path / "b"), labels=(*trees.LABELS[:-1], 0)))

    assert one.passport.sha256 != other.passport.sha256


def test_darknet_counts_by_the_ids_of_the_devkit():
    order = labels_by_ilsvrc()
    names = [imagenet_classes()[label].name for label in order]

    assert sorted(order) == list(range(1000))
    assert names[:4] == ["kit fox", "English setter", "Siberian husky", "Australian terrier"]
    assert [one.ilsvrc for one in imagenet_classes()][order[41]] == 42


def test_the_classes_are_those_of_torchvision_in_their_order():
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    assert [one.name for one in imagenet_classes()] == _IMAGENET_CATEGORIES
    assert [one.wnid for one in imagenet_classes()] == sorted(one.wnid for one in imagenet_classes())


def refusal(root, split="val", **options):
    with pytest.raises(DataError) as error:
        opened(root, split, **options)
    return str(error.value)


def test_a_part_has_to_be_asked_for(tmp_path):
    trees.devkit(trees.flat(tmp_path))

    assert f"{tmp_path}: val has 10 images; the published split has 50,000" in refusal(tmp_path, subset=False)
    assert PUBLISHED == {"train": 1_281_167, "val": 50_000}


def test_missing_classes_are_told(tmp_path):
    said = refusal(trees.in_folders(tmp_path), subset=False)

    assert "990 of the 1,000 classes have no image, first n01440764 (tench)" in said
    assert "subset=true" in said


def test_an_empty_class_counts_as_missing(tmp_path):
    trees.in_folders(tmp_path, labels=tuple(range(1, 1000)))
    (tmp_path / "val" / "n01440764").mkdir()

    assert "1 of the 1,000 classes have no image, first n01440764" in refusal(tmp_path, subset=False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root, "no val of ImageNet here; looked for val/, ILSVRC2012_img_val/"),
        (lambda root: (root / "val").mkdir(), "val: no images in this folder"),
        (trees.flat, "the val images are not in class folders, and there is no list of their classes"),
        (
            lambda root: trees.in_folders(root) and (root / "val/cat").mkdir(),
            "cat, and that is not a WordNet id",
        ),
        (
            lambda root: trees.in_folders(root) and (root / "val/n00000001").mkdir(),
            "n00000001, and that WordNet id is not one of the 1,000",
        ),
        (
            lambda root: trees.in_folders(root) and (root / "val/loose.jpg").write_bytes(b"x"),
            "loose.jpg is in no class folder",
        ),
        (
            lambda root: (
                (trees.in_folders(root) and (root / "val/n01440764").mkdir())
                or (root / "val/n01440764/ILSVRC2012_val_00000001.JPEG").write_bytes(b"x")
            ),
            "1 images of val are duplicated, first ILSVRC2012_val_00000001",
        ),
        (
            lambda root: trees.devkit(trees.flat(root), labels=trees.LABELS[:9]),
            "lists 9 images, but there is",
        ),
        (
            lambda root: trees.caffe_list(trees.flat(root), labels=trees.LABELS[:9]),
            "1 images are not listed",
        ),
        (
            lambda root: trees.caffe_list(trees.flat(root), labels=(*trees.LABELS[:9], 1000)),
            "line 10: 'ILSVRC2012_val_00000010.JPEG 1000' is not an image and its label from 0 to 999",
        ),
        (
            lambda root: (
                trees.devkit(trees.flat(root))
                and (root / "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt").write_text(
                    "0\n" * 10
                )
            ),
            "line 1: '0' is not an ILSVRC id",
        ),
        (
            lambda root: trees.devkit(
                trees.flat(root),
                classes=[c._replace(ilsvrc=(c.ilsvrc % 1000) + 1) for c in imagenet_classes()],
            ),
            "Usually this is the devkit of another year",
        ),
        (
            lambda root: (
                trees.devkit(trees.flat(root))
                and (root / "ILSVRC2012_devkit_t12/data/meta.mat").write_bytes(b"MATLAB?")
            ),
            "its meta.mat cannot be read",
        ),
        (
            lambda root: trees.flat(root) and (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"<html>"),
            "ILSVRC2012_devkit_t12.tar.gz: cannot be unpacked",
        ),
        (
            lambda root: (root / "ILSVRC2012_img_val.tar").write_bytes(b"<html>" * 200),
            "ILSVRC2012_img_val.tar: not an uncompressed tar",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path, make, message):
    make(tmp_path)

    assert message in refusal(tmp_path)


def test_a_packed_set_that_was_cut_off_is_refused(tmp_path):
    archive = trees.caffe_list(trees.packed(tmp_path)) / "ILSVRC2012_img_val.tar"
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)

    assert "ILSVRC2012_img_val.tar" in refusal(tmp_path)


HOSTILE = {
    "../../n01440764_1.JPEG": ({"type": tarfile.REGTYPE}, "points outside the folder; not unpacked"),
    "/etc/n01440764_1.JPEG": ({"type": tarfile.REGTYPE}, "points outside the folder; not unpacked"),
    "n01440764_1.JPEG": (
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        "a link or a device; not unpacked",
    ),
    "n01440764_2.JPEG": ({"type": tarfile.LNKTYPE, "linkname": "x"}, "a link or a device; not unpacked"),
    "n01440764_3.JPEG": ({"type": tarfile.CHRTYPE}, "a link or a device; not unpacked"),
    "n01440764_4.JPEG": ({"pax_headers": {"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"}}, "not unpacked"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("split", ["val", "train"])
def test_what_no_publisher_packs_is_refused(tmp_path, split, name):
    fields, message = HOSTILE[name]
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(member)
    trees.caffe_list(tmp_path)
    if split == "val":
        (tmp_path / "ILSVRC2012_img_val.tar").write_bytes(content.getvalue())
    else:
        trees.pack(tmp_path / "ILSVRC2012_img_train.tar", {"n01440764.tar": content.getvalue()})
    before = sorted(path.name for path in tmp_path.rglob("*"))

    assert f"contains {name!r}" in (said := refusal(tmp_path, split))
    assert message in said
    assert sorted(path.name for path in tmp_path.rglob("*")) == before  # nothing was unpacked


def test_training_images_in_tars_within_a_tar_are_those_of_the_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    packed = opened(trees.packed_by_class(tmp_path / "a"), split="train")
    folders = opened(trees.in_folders(tmp_path / "b", split="train"), split="train")

    assert packed.passport == folders.passport
    assert list(packed.ids) == list(folders.ids)
    for one, other in zip(packed, folders, strict=True):
        assert np.array_equal(one.image, other.image)
        assert one.truth.label == other.truth.label


def test_a_seed_trains_on_them_in_one_order_in_either_layout(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    layouts = trees.packed_by_class(tmp_path / "a"), trees.in_folders(tmp_path / "b", split="train")
    one, other = (seen_in_training(opened(root, split="train"), seed=3) for root in layouts)

    assert one == other
    assert one != seen_in_training(opened(layouts[0], split="train"), seed=4)


def seen_in_training(dataset, seed):
    jobs = Order(len(dataset), batch=4, epochs=2, seed=seed).jobs()
    return [dataset.pictures.read(index) for job in jobs for index in job.indices]


def test_the_places_of_a_million_images_are_looked_up_once(tmp_path, monkeypatch):
    root = trees.packed_by_class(tmp_path)
    before = opened(root, split="train")
    monkeypatch.setattr("cvbench.data.datasets.tars.columns", None)  # whoever looks again, fails

    assert opened(root, split="train").pictures.read(4) == before.pictures.read(4)


def test_an_archive_that_changed_is_looked_through_again(tmp_path):
    root = trees.packed_by_class(tmp_path)
    before = opened(root, split="train")
    trees.packed_by_class(tmp_path, labels=trees.LABELS[:7])

    assert (len(before), len(opened(root, split="train"))) == (10, 7)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ({"cat.tar": b"\0" * 10240}, "ILSVRC2012_img_train.tar: no images in this archive"),
        ({"n01440764_1.JPEG": b"x"}, "contains n01440764_1.JPEG; only tar files are expected"),
        ({"n01440764.tar": b"<html>" * 200}, "n01440764.tar: not an uncompressed tar"),
        ({"n01440764.tar": b""}, "not an uncompressed tar, or truncated"),
        ({"cat.tar": trees.tar_of({"1.JPEG": b"x"})}, "has a tar cat, and that is not a WordNet id"),
        ({"n00000001.tar": trees.tar_of({"1.JPEG": b"x"})}, "is not one of the 1,000"),
        (
            {"n01440764.tar": trees.tar_of({"1.JPEG": b"x" * 9000})[:4096]},
            "n01440764.tar: not an uncompressed tar, or truncated",
        ),
    ],
)
def test_what_is_wrong_with_the_training_archive_is_said(tmp_path, inside, message):
    trees.pack(tmp_path / "ILSVRC2012_img_train.tar", inside)

    assert message in refusal(tmp_path, split="train")


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    huge = tarfile.TarInfo("././@PaxHeader")
    huge.type, huge.size = tarfile.XHDTYPE, 1 << 30
    inner = huge.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 4096
    archive = tmp_path / "ILSVRC2012_img_train.tar"
    outer = tarfile.TarInfo("n01440764.tar")
    outer.size = 1 << 31
    archive.write_bytes(outer.tobuf(tarfile.USTAR_FORMAT) + inner)
    with archive.open("r+b") as file:
        file.truncate(1 << 32)  # holes, which take no room

    assert "a header of 1,073,741,824 bytes" in refusal(tmp_path, split="train")


def test_a_training_archive_is_seen_whole_by_the_count(tmp_path):
    said = refusal(trees.packed_by_class(tmp_path), split="train", subset=False)
    assert "990 of the 1,000 classes have no image, first n01440764 (tench)" in said


def test_without_a_root_the_way_to_one_is_told():
    with pytest.raises(DataError, match=r"imagenet: this dataset is not bundled.\n.*CVBENCH_DATA/imagenet"):
        open_dataset(DataSpec(name="imagenet", split="val"), task="classification")


def test_a_tar_is_not_unpacked_into_memory_either(tmp_path):
    dataset = opened(trees.caffe_list(trees.packed(tmp_path)))

    assert len(pickle.dumps(dataset)) < 30_000
