import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.weights.tensors import adopt, read_tensors, write_tensors


def test_tensors_and_notes_come_back_as_they_went_in(tmp_path):
    tensors = {
        "a": torch.rand(2, 3),
        "b": torch.tensor(7),
        "c": torch.rand(1, 2, 4, 4).to(memory_format=torch.channels_last),
    }
    write_tensors(tmp_path / "x.safetensors", tensors, {"pi": 0.1 + 0.2, "names": ["a"]})
    found = read_tensors(tmp_path / "x.safetensors")
    assert found.notes == {"pi": 0.1 + 0.2, "names": ["a"]}
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors.items())


def test_tensors_that_share_memory_are_written_apart(tmp_path):
    shared = torch.rand(4)
    write_tensors(tmp_path / "x.safetensors", {"a": shared, "b": shared, "c": shared[1:]}, {})
    found = read_tensors(tmp_path / "x.safetensors").tensors
    assert torch.equal(found["b"], shared)
    assert torch.equal(found["c"], shared[1:])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.safetensors: there is no such file"):
        read_tensors(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle in a zip", b"\xff" * 100])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.pt: not a safetensors file"):
        read_tensors(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.rand(100)}, {})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="damaged"):
        read_tensors(path)


def test_tensors_are_taken_over_in_the_layout_of_their_targets(tmp_path):
    target = torch.zeros(1, 2, 4, 4).to(memory_format=torch.channels_last)
    found = torch.rand(1, 2, 4, 4)
    adopt({"a": target}, {"a": found}, path=tmp_path)
    assert torch.equal(target, found)
    assert target.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"a": torch.ones(2)},
            "b is not in the file, whose first tensor is a, and the model has float32 [3, 4]",
        ),
        (
            {"a": torch.ones(2), "b": torch.ones(3, 5)},
            "b is float32 [3, 5] in the file, and the model has float32 [3, 4]",
        ),
        (
            {"a": torch.ones(2), "b": torch.ones(3, 4, dtype=torch.int64)},
            "b is int64 [3, 4] in the file, and the model has float32 [3, 4]",
        ),
        (
            {"a": torch.ones(2), "b": torch.ones(3, 4), "c": torch.ones(1)},
            "c is float32 [1] in the file, and the model has no tensor of that name",
        ),
    ],
)
def test_weights_of_another_architecture_are_refused_with_the_first_difference(tmp_path, found, said):
    targets = {"a": torch.zeros(2), "b": torch.zeros(3, 4)}
    with pytest.raises(InputError) as caught:
        adopt(targets, found, path=tmp_path / "w.safetensors")
    assert said in str(caught.value)
    assert str(caught.value).startswith(
        f"{tmp_path}/w.safetensors: these are weights of another architecture"
    )
    assert not targets["a"].any()


def test_weights_in_half_precision_are_taken_over_in_the_models(tmp_path):
    target = torch.zeros(2)
    adopt({"a": target}, {"a": torch.tensor([1.0, 2.0], dtype=torch.float16)}, path=tmp_path)
    assert target.tolist() == [1, 2]
