"""The house stays readable: few rooms, few arrows, none upward, files of a size to be read at once."""

import statistics
from pathlib import Path

import pytest

from tests.architecture.house import PAGES, ROOT, drawing, house, layers, shown

MOST_ROOMS, MOST_ARROWS = 21, 99
FEWEST_LINES, MOST_LINES = 30, 400


@pytest.fixture(scope="module")
def built():
    """The house as it is: every file is read."""
    return house(ROOT / "cvbench")


def floors_of(rooms):
    """The floor of each room, counted from the top."""
    return {room: floor for floor, side_by_side in enumerate(rooms) for room in side_by_side}


def upward(arrows, rooms):
    """The arrows that do not lead down to a lower layer."""
    floors = floors_of(rooms)
    return {(a, b) for a, b in arrows if a in floors and b in floors and floors[a] >= floors[b]}


def unread(lines):
    """Files that are too long to be read at once, or too short to hold an idea."""
    faces = ("__init__.py", "__main__.py")
    return {
        name: count
        for name, count in lines.items()
        if count > MOST_LINES or (count < FEWEST_LINES and Path(name).name not in faces)
    }


def test_there_are_at_most_21_rooms(built):
    assert len(built.rooms) <= MOST_ROOMS, sorted(built.rooms)


def test_there_are_fewer_than_100_arrows_between_them(built):
    assert len(built.arrows) <= MOST_ARROWS, sorted(built.arrows)


def test_no_arrow_leads_upward_or_to_a_neighbour(built):
    assert upward(built.arrows, layers()) == set()


def test_every_room_is_in_a_layer_but_the_faces_of_the_package(built):
    assert built.rooms - set(floors_of(layers())) == {"__init__", "__main__"}


def test_files_have_a_size_to_be_read_at_once(built):
    assert unread(built.lines) == {}
    assert 120 <= statistics.median(built.lines.values()) <= 200


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_the_layers_that_are_checked(page):
    """`python -m tests.architecture.house` writes them anew."""
    assert shown(page) == drawing(layers())


def test_what_breaks_the_house_is_found(tmp_path):
    """The twin of the tests above: a package with each of these faults."""
    package = tmp_path / "cvbench"
    (package / "boxes").mkdir(parents=True)
    (package / "boxes/__init__.py").touch()
    (package / "boxes/iou.py").write_text("def f():\n    from cvbench.cli import main\n")
    (package / "cli.py").write_text("import cvbench.boxes.iou\n" * 401)
    found = house(package)
    assert found.rooms == {"boxes", "cli"}
    assert found.arrows == {("boxes", "cli"), ("cli", "boxes")}
    assert upward(found.arrows, [["cli"], ["boxes"]]) == {("boxes", "cli")}
    assert unread(found.lines) == {"boxes/iou.py": 2, "cli.py": 401}
    assert drawing([["cli"], ["boxes", "values"]]) != drawing([["cli"], ["boxes"]])
