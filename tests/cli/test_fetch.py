"""`cvbench data fetch`, against a server on this machine."""

import hashlib
import io
import zipfile
from dataclasses import replace

import pytest

from cvbench.data import archives
from tests.serving import Site, served


def zipped(**members) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return content.getvalue()


CONTENT = zipped(val2017__1="one", val2017__2="two")


@pytest.fixture
def publisher(monkeypatch):
    """COCO's first archive at a server of this machine."""
    with served(Site({"/zips/val2017.zip": CONTENT})) as site:
        first, *others = archives.ARCHIVES["coco"]
        md5 = hashlib.md5(CONTENT).hexdigest()
        moved = replace(first, url=f"{site.address}/zips/val2017.zip", md5=md5)
        monkeypatch.setitem(archives.ARCHIVES, "coco", (moved, *others))
        yield site


ASKED = ("data", "fetch", "coco", "--part", "val2017", "--yes", "--root")


def test_a_part_is_fetched_checked_and_unpacked_once(cvbench, tmp_path, publisher):
    done = cvbench(*ASKED, tmp_path / "coco")

    assert done.code == 0
    assert done.stdout == "val2017: fetched\n"
    assert f"val2017: to be fetched from {publisher.address}/zips/val2017.zip" in done.stderr
    assert "license: annotations CC BY 4.0, images under Flickr's terms" in done.stderr
    assert (tmp_path / "coco/val2017/2").read_text() == "two"
    assert not list(tmp_path.glob("coco/*.zip*"))

    again = cvbench(*ASKED, tmp_path / "coco")
    assert "val2017: already here, from" in again.stderr
    assert len(publisher.asked) == 1


def test_an_interrupted_part_goes_on_where_it_stopped(cvbench, tmp_path, publisher):
    publisher.breaks_after = 100
    broken = cvbench(*ASKED, tmp_path)
    assert broken.code == 2
    assert "could not be fetched" in broken.stderr
    done = cvbench(*ASKED, tmp_path)

    assert done.code == 0
    assert [asked for _, asked in publisher.asked] == [None, "bytes=100-"]
    assert (tmp_path / "val2017/1").read_text() == "one"


def test_another_content_is_not_kept(cvbench, tmp_path, publisher):
    publisher.files["/zips/val2017.zip"] = zipped(other="x")
    done = cvbench(*ASKED, tmp_path)

    assert done.code == 2
    assert "does not have the MD5" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_leads_elsewhere_is_refused_and_nothing_is_marked(
    cvbench, tmp_path, publisher, monkeypatch
):
    content = zipped(**{"..__escaped": "x"})
    publisher.files["/zips/val2017.zip"] = content
    first, *others = archives.ARCHIVES["coco"]
    changed = replace(first, md5=hashlib.md5(content).hexdigest())
    monkeypatch.setitem(archives.ARCHIVES, "coco", (changed, *others))
    done = cvbench(*ASKED, tmp_path / "coco")

    assert done.code == 2
    assert "points outside the folder; not unpacked" in done.stderr
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "coco/.fetched").exists()


def test_nothing_is_fetched_without_a_yes(cvbench, tmp_path, publisher):
    done = cvbench("data", "fetch", "coco", "--root", tmp_path)  # nobody answers

    assert done.code != 0
    assert publisher.asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["imagenet", "--root", "x"],
            "imagenet is not fetched: research only; requires agreement",
        ),
        (["fashion-scenes", "--root", "x"], "fashion-scenes is bundled"),
        (["coco", "--part", "val2018", "--root", "x"], 'coco has no part "val2018".\n  Did you mean val20'),
        (["coco"], "no folder given for coco: use --root, or set $CVBENCH_DATA"),
        (["cocoa"], 'there is no dataset "cocoa"'),
    ],
)
def test_what_cannot_be_fetched_is_told(cvbench, monkeypatch, arguments, message):
    monkeypatch.delenv("CVBENCH_DATA", raising=False)
    done = cvbench("data", "fetch", *arguments)

    assert done.code == 2
    assert message in done.stderr


def test_hashes_are_those_that_torchvision_checks():
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.voc import DATASET_YEAR_DICT

    of_fashion = dict(FashionMNIST.resources)
    of_voc = {one["url"]: one["md5"] for one in DATASET_YEAR_DICT.values()}
    for archive in archives.ARCHIVES["fashion"]:
        assert of_fashion[archive.url.rpartition("/")[2]] == archive.md5
    for archive in archives.ARCHIVES["voc"]:
        assert of_voc[archive.url] == archive.md5
