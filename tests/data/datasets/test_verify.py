"""What a look through a whole copy finds: each fault by itself, and none in a sound one."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cvbench.data.datasets.verify import verify
from cvbench.spec.catalogue.label_spaces import imagenet_classes, labels_by_ilsvrc
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees import coco, imagenet, voc
from tests.data.datasets.trees.pixels import jpeg, pixels


def looked_through(name, root, *, task=None, split="val", **options):
    usual = {"imagenet": "classification", "folder": "classification"}
    spec = DataSpec(name=name, root=str(root), split=split, options=options)
    return verify(spec, task=task or usual.get(name, "detection"), on_step=lambda *_: None)


def faults(found):
    return {one.what: one for one in found.faults}


def test_a_sound_folder_has_no_faults(tmp_path):
    for number, path in enumerate(["a/1", "a/2", "b/1"]):
        (tmp_path / "val" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "val" / f"{path}.jpg").write_bytes(jpeg(pixels(number, 24 + number, 32)))
    found = looked_through("folder", tmp_path)

    assert found.sound
    assert found.faults == ()
    assert found.labels == {"a": 2, "b": 1}
    assert found.decoded == 3
    assert found.sizes == [(24, 32), (26, 32)]
    assert found.bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))


def test_one_flipped_bit_changes_the_content_and_not_the_manifest(tmp_path):
    (tmp_path / "val/a").mkdir(parents=True)
    file = tmp_path / "val/a/1.jpg"
    file.write_bytes(jpeg(pixels(1)))
    before = looked_through("folder", tmp_path)
    content = bytearray(file.read_bytes())
    content[-10] ^= 1
    file.write_bytes(content)
    after = looked_through("folder", tmp_path)

    assert after.passport == before.passport
    assert after.content_sha256 != before.content_sha256


def test_files_that_are_damaged_turned_and_double_are_named(tmp_path):
    (tmp_path / "val/a").mkdir(parents=True)
    whole = jpeg(pixels(1, 240, 320))
    exif = Image.Exif()
    exif[0x0112] = 3
    for name, content in {
        "cut": whole[: len(whole) // 2],
        "one": whole,
        "other": whole,
        "turned": jpeg(pixels(2), exif=exif.tobytes()),
    }.items():
        (tmp_path / f"val/a/{name}.jpg").write_bytes(content)
    found = faults(looked_through("folder", tmp_path))

    assert list(found) == [
        "samples are corrupt",
        "images have an EXIF orientation, which cvbench does not apply",
        "images are duplicates",
    ]
    assert "cut.jpg: cannot be decoded" in found["samples are corrupt"].places[0]
    assert found["images are duplicates"].places == (
        f"{tmp_path}/val/a/other.jpg, as {tmp_path}/val/a/one.jpg",
    )
    assert [one.grave for one in found.values()] == [True, False, False]


FLAT = (724, 13, (1.0, 1.0, 0.0, 9.0), 0, [])


def test_images_that_are_not_there_and_boxes_beside_them_are_named(tmp_path):
    moved = [
        *coco.ANNOTATIONS,
        (724, 13, (28.0, 4.0, 10.0, 5.0), 0, coco.POLYGON),
        (724, 13, (1.0, 1, 0, 9), 0, []),
    ]
    coco.write(tmp_path, annotations=coco.document(annotations=moved)["annotations"])
    (tmp_path / "val2017/000000000139.jpg").unlink()
    found = looked_through("coco", tmp_path)
    named = faults(found)

    assert (
        "val2017 has 4 images; the published split has 5,000"
        in named["the dataset cannot be opened"].places[0]
    )
    assert named["images are missing"].places == (f"{tmp_path}/val2017/000000000139.jpg",)
    assert "another split or year" in named["images are missing"].cause
    assert named["images have boxes that leave the image"].places[0].endswith("724.jpg: 1")
    assert named["images have boxes without area"].count == 1
    assert named["classes have no samples"].count == 77
    assert found.marks == {"crowd": 1}
    assert found.decoded == 3
    assert not found.sound


def test_boxes_of_voc_that_count_from_0_reach_out(tmp_path):
    shifted = {"000001": [("dog", 0, 1, 0, 0, 9, 9)]}
    found = looked_through("voc", voc.write(tmp_path, objects=shifted), split="test")

    assert faults(found)["images have boxes that leave the image"].grave
    assert found.marks == {"difficult": 1}


def test_a_copy_that_cannot_be_opened_says_why(tmp_path):
    found = looked_through("coco", tmp_path)

    assert found.passport is None
    assert not found.sound
    assert "no val2017 of COCO" in found.faults[0].places[0]


LABELS = tuple(range(0, 1000, 40))


def test_classes_of_uneven_number_are_named(tmp_path):
    named = faults(looked_through("imagenet", imagenet.in_folders(tmp_path, LABELS)))

    assert named["classes do not have 50 images"].count == 1000
    assert "990 of the 1,000" not in named["the dataset cannot be opened"].places[0]
    assert "975 of the 1,000 classes have no image" in named["the dataset cannot be opened"].places[0]


def test_a_resized_copy_is_recognised(tmp_path):
    imagenet.in_folders(tmp_path, LABELS)

    what = "images have a shorter side of 24 pixels, but the published images differ in size"
    assert faults(looked_through("imagenet", tmp_path))[what].count == 25
    for number, file in enumerate(sorted(tmp_path.rglob("*.JPEG"))):
        file.write_bytes(jpeg(pixels(number, 20 + number % 3, 40)))
    assert what not in faults(looked_through("imagenet", tmp_path))


def test_training_images_under_the_name_of_val_are_recognised(tmp_path):
    folder = tmp_path / "val" / imagenet_classes()[0].wnid
    folder.mkdir(parents=True)
    (folder / "n01440764_10026.JPEG").write_bytes(jpeg(pixels(1)))
    named = faults(looked_through("imagenet", tmp_path))

    assert named["images are not named like val images"].places == ("n01440764_10026",)


def test_images_sorted_by_the_ids_of_the_devkit_are_recognised(tmp_path):
    """The classic slip: ILSVRC id k is taken for the k-th of the sorted folders."""
    slipped = tuple(imagenet_classes()[label].ilsvrc - 1 for label in LABELS)
    imagenet.devkit(imagenet.in_folders(tmp_path, slipped), LABELS)
    named = faults(looked_through("imagenet", tmp_path))
    fault = named["images are in another class folder than the list states"]

    assert fault.count == sum(labels_by_ilsvrc()[k] != k for k in slipped)
    assert "ILSVRC ids used as positions" in fault.cause

    shutil.rmtree(tmp_path / "val")
    sound = faults(looked_through("imagenet", imagenet.in_folders(tmp_path, LABELS)))
    assert not [what for what in sound if "another class" in what]


def test_label_maps_are_counted_by_pixels(tmp_path):
    found = looked_through("voc", voc.write(tmp_path), split="test", task="segmentation")

    maps = np.stack([voc.label_map(0), voc.label_map(1)])
    assert found.labels["dog"] == (maps == 12).sum()
    assert found.labels["background"] == (maps == 0).sum()


@pytest.fixture
def damaged(tmp_path):
    (tmp_path / "val/a").mkdir(parents=True)
    (tmp_path / "val/a/1.jpg").write_bytes(jpeg(pixels(1)))
    (tmp_path / "val/a/2.jpg").write_bytes(b"<html>")
    return tmp_path


def test_the_command_says_what_is_wrong_and_the_usual_cause(damaged):
    from typer.testing import CliRunner

    from cvbench.cli.main import app

    asked = ["data", "verify", "folder", "--root", str(damaged), "--split", "val"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 1
    assert "images     2, of which 1 were decoded" in done.stdout
    assert "WRONG: 1 samples are corrupt" in done.stdout
    assert f"{damaged}/val/a/2.jpg: not a readable image: it begins with b'<html>'" in done.stdout
    assert "Usually: Truncated copies" in done.stdout
    assert done.stdout.splitlines()[-1] == "folder, val: 1 thing wrong"

    document = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert document["sound"] is False
    assert document["faults"][0]["count"] == 1
    assert document["labels"] == {"a": 1}

    (damaged / "val/a/2.jpg").unlink()
    whole = CliRunner().invoke(app, asked)
    assert whole.exit_code == 0
    assert whole.stdout.splitlines()[-1] == "folder, val: sound"


def test_what_comes_along_is_sound():
    spec = DataSpec(name="fashion-scenes", options={"size": 64, "test": 60})
    found = verify(spec, task="detection", on_step=lambda *_: None)

    assert found.sound
    assert found.decoded == 60
    assert found.bytes is None


def labelled(root, numbers=(1, 2), maps=(0, 255), split="val"):
    for number in numbers:
        for kind, content in (
            ("images", Image.fromarray(pixels(number))),
            ("masks", Image.fromarray(np.resize(np.array(maps, np.uint8), pixels(number).shape[:2]))),
        ):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
            content.save(root / kind / split / f"{number}.png")
    (root / "classes.txt").write_text("ground\ncar\n")
    return root


def test_masks_of_0_and_255_are_wrong_unless_none_is_void(tmp_path):
    root = labelled(tmp_path)
    what = "label maps have only void and at most one class, as masks of 0 and 255 do"

    found = looked_through("masks", root, task="segmentation")
    assert faults(found)[what].grave
    assert "void=none" in faults(found)[what].cause
    counted = looked_through("masks", root, task="segmentation", void="none")
    assert counted.sound
    assert counted.labels["car"] == counted.labels["ground"]


def test_a_map_that_does_not_fit_is_told_from_an_image_that_cannot_be_decoded(tmp_path):
    root = labelled(tmp_path, maps=(0, 1))
    Image.new("RGB", (4, 4)).save(root / "masks/val/1.png")
    (root / "images/val/2.png").write_bytes(b"<html>")

    found = faults(looked_through("masks", root, task="segmentation"))
    assert "1.png: not a valid label map: it has RGB" in found["samples have invalid truth"].places[0]
    assert "label maps in colors" in found["samples have invalid truth"].cause
    assert "2.png: not a readable image" in found["samples are corrupt"].places[0]


def test_what_is_left_out_is_listed_for_every_kind(tmp_path):
    root = labelled(tmp_path / "masks", maps=(0, 1))
    (root / "masks/val/9.png").write_bytes(b"")
    (root / "images/val/notes.txt").write_text("")
    found = faults(looked_through("masks", root, task="segmentation"))
    assert found["files in the folder are not part of this split"].places == ("notes.txt",)
    assert found["files in the folder of label maps belong to no image of this split"].places == ("9.png",)

    root = coco.write(tmp_path / "coco")
    (root / "val2017/extra.jpg").write_bytes(b"")
    found = faults(looked_through("coco", root))
    assert found["files in the folder are not part of this split"].places == ("extra.jpg",)

    root = voc.write(tmp_path / "voc")
    (root / "VOCdevkit/VOC2007/JPEGImages/999999.jpg").write_bytes(b"")
    found = faults(looked_through("voc", root, split="test"))
    assert found["files in the folder are not part of this split"].places == (
        "VOCdevkit/VOC2007/JPEGImages/999999.jpg",
    )


def test_images_that_are_trained_on_too_are_named(tmp_path):
    for number, path in enumerate(["train/a/1", "train/a/2", "val/a/3", "val/a/4"]):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{path}.jpg").write_bytes(jpeg(pixels(number % 3)))  # val/a/4 is train/a/1

    found = looked_through("folder", tmp_path)
    assert faults(found)["images of val are in the training split too"].places == (f"{tmp_path}/val/a/4.jpg",)
    assert found.sound
    assert faults(looked_through("folder", tmp_path, split="train")) == {}
