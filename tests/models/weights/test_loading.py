import pytest
import torch

from cvbench.errors import InputError
from cvbench.files import sha256_of_file
from cvbench.models.resnet import resnet18
from cvbench.models.weights.loading import load_weight_file, load_weights
from cvbench.models.weights.torchvision import in_order
from cvbench.spec.catalogue.weights import WeightFile
from cvbench.training import save_weights


def narrow(classes=3):
    return resnet18(classes, width=0.125)


def renamed(model):
    """Its tensors as another program might call them, in the same order, without counters."""
    kept = [v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")]
    return {f"t{number}": value for number, value in enumerate(kept)}


def test_tensors_of_other_names_are_taken_in_their_order_if_asked(tmp_path):
    theirs, model = narrow(), narrow()
    torch.save(renamed(theirs), tmp_path / "w.pth")
    with pytest.raises(InputError, match="another architecture"):
        load_weights(model, tmp_path / "w.pth")
    load_weights(model, tmp_path / "w.pth", by_position=True)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), theirs.parameters(), strict=True))


def test_where_a_shape_differs_nothing_is_taken_in_order(tmp_path):
    model = narrow(3)
    torch.save(renamed(narrow(5)), tmp_path / "w.pth")
    before = model.fc.weight.clone()
    with pytest.raises(InputError) as caught:
        load_weights(model, tmp_path / "w.pth", by_position=True)
    assert "the file has t100 [5, 64], the model fc.weight [3, 64]" in str(caught.value)
    assert torch.equal(model.fc.weight, before)


@pytest.mark.parametrize(("found", "targets"), [(1, 2), (2, 1)])
def test_where_one_side_goes_on_it_is_told(tmp_path, found, targets):
    def tensors(n):
        return {f"t{i}": torch.zeros(2) for i in range(n)}

    with pytest.raises(InputError, match=r"at position 2 of .*\n.*nothing"):
        in_order(tensors(found), tensors(targets), path=tmp_path)


@pytest.mark.parametrize("ending", ["weights", "safetensors"])
def test_files_that_keep_no_order_are_not_taken_by_it(tmp_path, ending):
    with pytest.raises(InputError, match=r"only a \.pth file keeps its tensors in the order"):
        load_weights(narrow(), tmp_path / f"w.{ending}", by_position=True)


def test_a_file_that_is_not_the_one_that_was_meant_is_refused_before_it_is_read(tmp_path):
    path, model = tmp_path / "w.safetensors", narrow()
    save_weights(narrow(), path)
    right = sha256_of_file(path)

    load_weight_file(model, WeightFile("w", "file", (path,), sha256=right))
    load_weight_file(model, WeightFile("w", "torchvision", (path,), sha256=right[:8]))
    with pytest.raises(InputError, match=f"its SHA-256 is\n  {right}, not\n  {'0' * 64}"):
        load_weight_file(model, WeightFile("w", "file", (path,), sha256="0" * 64))


def test_a_file_that_is_not_there_is_told_with_its_place(tmp_path):
    file = WeightFile("w", "url", (tmp_path / "w.pth",), url="https://host/w.pth", sha256="0" * 64)
    with pytest.raises(
        InputError, match=r"w\.pth is missing \(https://host/w\.pth\).*or copy the file there"
    ):
        load_weight_file(narrow(), file)
