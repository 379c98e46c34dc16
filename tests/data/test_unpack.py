"""Archives that would write elsewhere write nothing."""

import io
import tarfile
import zipfile

import pytest

from cvbench.data.download import unpack
from cvbench.errors import InputError


def tarred(path, *members):
    with tarfile.open(path, "w") as tar:
        for name, content, change in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in change.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, attributes in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = attributes
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def test_a_sound_archive_is_unpacked(tmp_path):
    tar = tarred(tmp_path / "a.tar", ("in/one", b"1", {}), ("in/two", b"22", {}))
    zip_ = zipped(tmp_path / "a.zip", ("in/three", b"333", 0o100644 << 16))

    assert unpack(tar, tmp_path / "out", packed="tar") == 2
    assert unpack(zip_, tmp_path / "out", packed="zip") == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "out/in").iterdir()} == {
        "one": b"1",
        "two": b"22",
        "three": b"333",
    }


FIRST = ("harmless", b"x", {})
LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc"}


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../escaped", b"x", {}), "'../escaped', which points outside the folder; not unpacked"),
        (("in/../../escaped", b"x", {}), "points outside the folder"),
        (("/tmp/escaped", b"x", {}), "points outside the folder"),
        (("link", b"", LINK), "'link', a link or a device; not unpacked"),
        (("link", b"", {"type": tarfile.LNKTYPE, "linkname": "../x"}), "a link or a device"),
        (("device", b"", {"type": tarfile.CHRTYPE}), "a link or a device"),
    ],
)
def test_a_tar_that_would_write_elsewhere_writes_nothing(tmp_path, member, message):
    with pytest.raises(InputError, match=message):
        unpack(tarred(tmp_path / "a.tar", FIRST, member), tmp_path / "out", packed="tar")

    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("../escaped", 0, "points outside the folder"),
        ("/tmp/escaped", 0, "points outside the folder"),
        ("C:/escaped", 0, "points outside the folder"),
        ("link", 0o120777 << 16, "a link or a device"),
    ],
)
def test_a_zip_that_would_write_elsewhere_writes_nothing(tmp_path, name, attributes, message):
    archive = zipped(tmp_path / "a.zip", ("harmless", b"x", 0), (name, b"x", attributes))
    with pytest.raises(InputError, match=message):
        unpack(archive, tmp_path / "out", packed="zip")

    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_bomb_is_refused_by_what_it_says_it_holds(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("zeros", bytes(1 << 25), 0))

    with pytest.raises(InputError, match=r"would unpack to 33,554,432 bytes, too much for its size"):
        unpack(archive, tmp_path / "out", packed="zip")


@pytest.mark.parametrize("packed", ["tar", "zip"])
def test_what_is_no_archive_is_told(tmp_path, packed):
    (tmp_path / "a").write_bytes(b"<html>not found</html>")

    with pytest.raises(InputError, match=r"a: cannot be unpacked \(.*\); fetch it again"):
        unpack(tmp_path / "a", tmp_path / "out", packed=packed)
