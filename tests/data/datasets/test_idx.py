"""IDX files are read exactly, or refused by name."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cvbench.data.datasets.fashion import read_idx
from cvbench.errors import DataError

# two images of 2 x 3 pixels, byte by byte as the format's description has it
TWO_IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(12)])


def written(tmp_path: Path, content: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_bytes_written_by_hand_are_two_images(tmp_path):
    array = read_idx(written(tmp_path, TWO_IMAGES), dimensions=3)

    assert array.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert array.dtype == np.uint8


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3)), packed=st.booleans())
def test_what_was_written_is_read_plain_or_compressed(tmp_path_factory, array, packed):
    content = bytes((0, 0, 8, array.ndim))
    content += b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()
    path = tmp_path_factory.mktemp("idx") / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(content) if packed else content)

    assert np.array_equal(array, read_idx(path, dimensions=array.ndim))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "starts with 0x, not the magic number 0x00000803", id="empty"),
        pytest.param(b"\x89PNG" + TWO_IMAGES, "starts with 0x89504e47", id="another format"),
        pytest.param(TWO_IMAGES[:10], "truncated in its header", id="half a header"),
        pytest.param(TWO_IMAGES[:-1], "truncated; 12 bytes of 2 x 2 x 3 expected, 11 found", id="truncated"),
        pytest.param(TWO_IMAGES + b"\0", "longer than its header states; 12 bytes", id="too long"),
        pytest.param(TWO_IMAGES[:4] + b"\xff" * 12, "more than the file can have", id="absurd header"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, content, message):
    path = written(tmp_path, content)

    with pytest.raises(DataError) as caught:
        read_idx(path, dimensions=3)

    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no gzip at all", id="not compressed"),
        pytest.param(gzip.compress(TWO_IMAGES)[:-12], id="cut off"),
        pytest.param(gzip.compress(TWO_IMAGES)[:10] + b"\xff" * 20, id="damaged inside"),
    ],
)
def test_a_damaged_archive_is_refused_by_name(tmp_path, content):
    path = written(tmp_path, content, "file.gz")

    with pytest.raises(DataError, match=r"file\.gz: cannot be decompressed \(.+\); fetch it again"):
        read_idx(path, dimensions=3)


def test_a_file_that_is_gone_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"gone: cannot be read \(No such file or directory\)"):
        read_idx(tmp_path / "gone", dimensions=3)
