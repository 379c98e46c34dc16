import hashlib

import pytest

from tests.serving import Site, served

CONTENT = b"not really weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setenv("CVBENCH_WEIGHTS", str(tmp_path / "weights"))

    def written(weights):
        path = tmp_path / "s.yaml"
        path.write_text(
            "schema: 1\ndata: fashion\nmodels:\n"
            f"  - {{name: resnet18, weights: '{weights}'}}\n  - {{name: resnet34, weights: mine.pth}}\n"
        )
        return str(path)

    return written


def test_fetching_puts_each_file_where_the_plan_said_it_would_be(cvbench, suite, tmp_path):
    with served(Site({"/net.pth": CONTENT})) as site:
        path = suite(f"{site.address}/net.pth#sha256={SHA256}")
        place = tmp_path / "weights" / SHA256 / "net.pth"
        assert str(place) in cvbench("plan", path).stdout
        listed = cvbench("weights", "list", path, "--json").document
        assert [(one["origin"], one["file"]) for one in listed] == [("url", None), ("file", None)]

        done = cvbench("weights", "fetch", path)
        assert done.code == 0
        assert SHA256 in done.stdout
        assert place.read_bytes() == CONTENT
        assert "yes" in cvbench("weights", "list", path).stdout
        assert "Nothing to fetch" in cvbench("weights", "fetch", path).stdout
        assert len(site.asked) == 1


def test_a_run_fetches_nothing_and_says_what_is_missing(cvbench, suite):
    with served(Site({"/net.pth": CONTENT})) as site:
        planned = cvbench("plan", suite(f"{site.address}/net.pth#sha256={SHA256}"), "--json").document
        first, second = (cell["skip"] for cell in planned["cells"])
    assert "Run `cvbench weights fetch SUITE`, or copy the file there" in first
    assert second == "no weights: there is no file mine.pth"
    assert site.asked == []


def test_without_a_network_fetching_ends_with_2_and_says_where_to_put_the_file(cvbench, suite, tmp_path):
    with served(Site({})) as site:
        path = suite(f"{site.address}/net.pth#sha256={SHA256}")
    done = cvbench("weights", "fetch", path)
    assert done.code == 2
    assert f"put it at {tmp_path / 'weights' / SHA256 / 'net.pth'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_weights_that_nobody_can_follow_are_a_mistake_of_the_suite(cvbench, suite):
    done = cvbench("plan", suite("https://host/net.pth"))
    assert done.code == 2
    assert "s.yaml: models[0].weights: https://host/net.pth: weights from a URL need" in done.stderr
    assert "#sha256=…" in done.stderr
