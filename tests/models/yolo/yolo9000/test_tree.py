import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.yolo.yolo9000 import WordTree, read_tree
from cvbench.models.yolo.yolo9000.hierarchy import read_map

#   0 animal           1 thing
#   ├ 2 dog            └ 6 chair
#   │ ├ 4 terrier
#   │ └ 5 hound
#   └ 3 cat
ANIMALS = "animal -1\nthing -1\ndog 0\ncat 0\nterrier 2\nhound 2\nchair 1\n"


def written(tmp_path, text):
    path = tmp_path / "words.tree"
    path.write_text(text)
    return path


def test_a_tree_is_read_as_darknet_writes_it(tmp_path):
    tree = read_tree(written(tmp_path, ANIMALS))
    assert tree.names == ("animal", "thing", "dog", "cat", "terrier", "hound", "chair")
    assert tree.parents == (-1, -1, 0, 0, 2, 2, 1)
    assert tree.depths.tolist() == [0, 0, 1, 1, 2, 2, 1]
    assert tree.leaves.tolist() == [False, False, False, True, True, True, True]


def test_siblings_share_a_softmax_and_roots_are_siblings():
    groups = WordTree(tuple("abcdefg"), (-1, -1, 0, 0, 2, 2, 1)).groups.tolist()
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 4


def test_children_may_stand_before_their_parents(tmp_path):
    assert read_tree(written(tmp_path, "hound 1\ndog -1\n")).depths.tolist() == [1, 0]


def test_a_long_chain_is_as_deep_as_it_is_long():
    chain = WordTree(tuple(map(str, range(21))), tuple(range(-1, 20)))
    assert chain.depths.tolist() == list(range(21))
    assert len(chain.jumps) == 5  # ancestors 1, 2, 4, 8 and 16 above


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("animal -1\ndog\n", r"words.tree:2: 'dog' is not a name and the number of its parent"),
        ("animal -1\ndog zero\n", r"words.tree:2: 'dog zero' is not a name and"),
        ("animal -1\ndog 2\n", r"words.tree:2: the parent of dog is 2, but node numbers are 0 to 1"),
        ("animal -1\ndog -2\n", r"the parent of dog is -2"),
        ("dog 0\n", "their own ancestors: dog -> dog"),
        ("x -1\na 3\nb 1\nc 2\nd 1\n", "own ancestors: (a -> c -> b -> a|c -> b -> a -> c|b -> a -> c -> b)"),
    ],
    ids=["empty", "no parent", "no number", "missing parent", "below -1", "itself", "cycle"],
)  # fmt: skip
def test_what_is_no_tree_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_tree(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_tree(tmp_path / "none.tree")
    (tmp_path / "b.tree").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_tree(tmp_path / "b.tree")


def test_a_map_names_nodes_that_are_there(tmp_path):
    tree = WordTree.flat(3)
    assert read_map(written(tmp_path, "2\n0\n"), tree) == (2, 0)
    with pytest.raises(InputError, match=r"words\.tree:2: '3' is not a node number, 0 to 2"):
        read_map(written(tmp_path, "2\n3\n"), tree)


def test_a_flat_tree_has_one_softmax():
    assert WordTree.flat(4).groups.tolist() == [0] * 4
    assert WordTree.flat(4).jumps == ()
    assert torch.equal(WordTree.flat(4).leaves, torch.ones(4, dtype=torch.bool))
