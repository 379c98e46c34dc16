import hashlib

import pytest

from cvbench.data.download import download
from cvbench.errors import InputError
from tests.serving import Site, served

CONTENT = bytes(range(256)) * 20
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(site, place, sha256=SHA256, path="/w.pth"):
    heard = []
    found = download(site.address + path, place, sha256=sha256, on_bytes=lambda *told: heard.append(told))
    return found, heard


def test_a_file_is_fetched_whole_and_its_hash_is_told(tmp_path):
    with served(Site({"/w.pth": CONTENT})) as site:
        found, heard = fetch(site, tmp_path / "deep" / "w.pth")

    assert (tmp_path / "deep" / "w.pth").read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["w.pth"]
    assert found == SHA256
    assert heard[-1] == (len(CONTENT), len(CONTENT))


def test_the_first_digits_of_a_hash_are_enough(tmp_path):
    with served(Site({"/w.pth": CONTENT})) as site:
        fetch(site, tmp_path / "w.pth", SHA256[:8])
    assert (tmp_path / "w.pth").exists()


@pytest.mark.parametrize("wanted", ["0" * 64, "00000000"])
def test_content_with_another_hash_is_not_kept(tmp_path, wanted):
    with (
        served(Site({"/w.pth": CONTENT})) as site,
        pytest.raises(InputError, match="the SHA-256 of the download is wrong") as caught,
    ):
        fetch(site, tmp_path / "w.pth", wanted)
    assert SHA256 in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_file_has_no_name_yet_and_goes_on_where_it_stopped(tmp_path):
    with served(Site({"/w.pth": CONTENT}, breaks_after=1000)) as site:
        with pytest.raises(InputError, match="could not be fetched"):
            fetch(site, tmp_path / "w.pth")
        assert [file.name for file in tmp_path.iterdir()] == ["w.pth.part"]
        fetch(site, tmp_path / "w.pth")

    assert site.asked == [("/w.pth", None), ("/w.pth", "bytes=1000-")]
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_begun_anew(tmp_path):
    (tmp_path / "w.pth.part").write_bytes(b"x" * 9999)
    with served(Site({"/w.pth": CONTENT})) as site:
        fetch(site, tmp_path / "w.pth")
    assert (tmp_path / "w.pth").read_bytes() == CONTENT


@pytest.mark.parametrize(("stated", "kept"), [(SHA256, True), ("f" * 64, False)])
def test_where_no_hash_is_known_the_servers_own_is_held_against_what_came(tmp_path, stated, kept):
    site = Site({"/cdn": CONTENT}, redirects={"/w": "/cdn"}, headers={"X-Linked-Etag": f'"{stated}"'})
    with served(site):
        if kept:
            fetch(site, tmp_path / "w", None, "/w")
        else:
            with pytest.raises(InputError, match="the SHA-256 of the download is wrong"):
                fetch(site, tmp_path / "w", None, "/w")
    assert (tmp_path / "w").exists() == kept


def test_a_file_that_is_not_there_is_told_with_the_place_to_put_it_at(tmp_path):
    with served(Site({})) as site, pytest.raises(InputError) as caught:
        fetch(site, tmp_path / "w.pth")
    assert "the server says 404" in str(caught.value)
    assert f"put it at {tmp_path / 'w.pth'}" in str(caught.value)


def test_without_a_network_the_message_says_which_file_to_put_where(tmp_path):
    with served(Site({})) as site:
        address = site.address  # of a port at which nobody listens any more
    with pytest.raises(InputError, match=r"Connection refused.*\n.*put it at .*w\.pth"):
        download(f"{address}/w.pth", tmp_path / "w.pth", sha256=None, on_bytes=lambda *_: None)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        served(Site({"/w.pth": CONTENT})) as site,
        pytest.raises(InputError, match=r"file/w\.pth: cannot be written"),
    ):
        fetch(site, tmp_path / "file" / "w.pth")
