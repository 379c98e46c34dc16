"""What `--classes` takes: a number, names with commas, one name, or a file."""

import pytest

from cvbench.errors import InputError
from cvbench.metrics.files.class_names import read_class_names


def test_eighty_names_are_too_long_for_a_files_name_and_are_taken():
    names = [f"a class of many words, number {k}".replace(",", "") for k in range(80)]
    assert read_class_names(",".join(names)) == tuple(names)


def test_one_name_is_a_class(tmp_path):
    assert read_class_names("cat") == ("cat",)
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfcat\r\nred dog\r\n")
    assert read_class_names(str(tmp_path / "names.txt")) == ("cat", "red dog")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("none/such", "no such file"),
        ("names.txt", "no such file"),
        ("a,,b", "the name '' is listed twice, or is empty"),
        ("0", "the number of classes must be from 1 to 1,048,576"),
        ("9" * 5000, "the number of classes must be"),
    ],
)
def test_what_names_no_classes(text, said):
    with pytest.raises(InputError, match=said):
        read_class_names(text)
