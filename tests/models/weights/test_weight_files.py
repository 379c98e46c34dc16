import pytest

from cvbench.errors import InputError, UnknownName
from cvbench.spec.catalogue.weights import home, weight_file
from cvbench.spec.cell import ModelSpec

SHA256 = "ab" * 32


@pytest.fixture(autouse=True)
def _own_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("CVBENCH_WEIGHTS", "TORCH_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)


def file_of(weights, name="resnet50"):
    return weight_file(ModelSpec(name=name, weights=weights))


def test_a_model_without_weights_has_no_file():
    assert file_of(None) is None


def test_a_path_is_looked_for_as_it_is_written(tmp_path):
    file = file_of(f"{tmp_path}/a.safetensors")
    assert file.origin == "file"
    assert file.missing() == f"there is no file {tmp_path}/a.safetensors"
    (tmp_path / "a.safetensors").touch()
    assert file.found() == tmp_path / "a.safetensors"


def test_a_path_may_state_its_hash_and_that_names_do_not_count():
    file = file_of(f"a.pth#sha256={SHA256}&names=position")
    assert (str(file.places[0]), file.sha256, file.by_position) == ("a.pth", SHA256, True)


def test_a_url_lies_by_its_hash_below_the_folder_of_weights(tmp_path, monkeypatch):
    file = file_of(f"https://host/a%20b/net.pth?v=1#sha256={SHA256}")
    assert file.url == "https://host/a%20b/net.pth?v=1"
    assert file.places == (tmp_path / "cvbench" / "weights" / SHA256 / "net.pth",)
    monkeypatch.setenv("CVBENCH_WEIGHTS", str(tmp_path / "mine"))
    assert home() == tmp_path / "mine"


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "..", "", "%2e%2e", "a;rm -rf"])
def test_no_address_names_a_file_outside_that_folder(path, tmp_path):
    [place] = file_of(f"https://host/{path}#sha256={SHA256}").places
    assert place.parent == tmp_path / "cvbench" / "weights" / SHA256
    assert place.name in ("weights", "passwd")


def test_torchvisions_are_looked_for_where_torchvision_puts_them_too(tmp_path):
    file = file_of("ResNet50_Weights.IMAGENET1K_V2")
    assert file.url == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    assert file.sha256 == "11ad3fa6"
    assert file.places[0] == tmp_path / "cvbench/weights/torchvision/resnet50-11ad3fa6.pth"
    assert "cvbench weights fetch SUITE" in file.missing()
    theirs = tmp_path / "torch/hub/checkpoints/resnet50-11ad3fa6.pth"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert file.found() == theirs


def test_a_tag_of_timm_is_looked_for_where_the_hub_puts_it_too(tmp_path):
    file = file_of("a1_in1k", "timm/resnet50")
    assert file.url == "https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors"
    theirs = tmp_path / "huggingface/hub/models--timm--resnet50.a1_in1k/snapshots/0f/model.safetensors"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert file_of("a1_in1k", "timm/resnet50.a1_in1k").found() == theirs


@pytest.mark.parametrize(
    ("weights", "name", "said"),
    [
        ("https://host/net.pth", "resnet50", "need the SHA-256 of their content"),
        ("https://host/net.pth#sha256=abc", "resnet50", "64 lower-case hexadecimal digits"),
        ("ftp://host/net.pth", "resnet50", "not a path, nor an http or https URL"),
        ("a.pth#md5=abc", "resnet50", "the text after # is not valid"),
        ("a.pth#1", "resnet50", "the text after # is not valid"),
        ("a.pth#names=guess", "resnet50", "the text after # is not valid"),
        (
            "ResNet18_Weights.IMAGENET1K_V1",
            "torchvision/resnet50",
            "these weights are not for torchvision/resnet50",
        ),
    ],
)
def test_weights_that_nobody_can_follow_are_refused(weights, name, said):
    with pytest.raises(InputError, match=said):
        file_of(weights, name)


@pytest.mark.parametrize(
    ("weights", "name", "said"),
    [
        ("ResNet50_Weights.IMAGENET1K_V9", "resnet50", r"It has ResNet50_Weights\.IMAGENET1K_V1"),
        ("Resnet50_Weights.IMAGENET1K_V1", "resnet50", "Did you mean ResNet50_Weights"),
        ("a1_in2k", "timm/resnet50", "Did you mean a1_in1k"),
        ("a1_in1k", "timm/resnet50.a2_in1k", 'has no weights "a1_in1k"'),
        ("a1_in1k", "timm/test_resnet", "r160_in1k"),
    ],
)
def test_weights_that_there_are_not_get_the_nearest(weights, name, said):
    with pytest.raises(UnknownName, match=said):
        file_of(weights, name)


def test_other_words_name_none_of_torchvisions():
    assert file_of("net.pth").torchvision_name is None
    assert file_of("a1_in1k", "timm/resnet50").torchvision_name is None
    assert file_of("ResNet50_Weights.IMAGENET1K_V2").torchvision_name == "ResNet50_Weights.IMAGENET1K_V2"


@pytest.mark.parametrize(
    ("weights", "form"),
    [
        ("a.pth", "pytorch"),
        (f"a.pt#sha256={SHA256}", "pytorch"),
        ("../darknet/yolov3.weights", "darknet"),
        ("net.onnx", "onnx"),
        ("a.safetensors", "safetensors"),
        ("a", "safetensors"),
    ],
)
def test_the_ending_of_a_file_tells_its_format(weights, form):
    assert file_of(weights).format == form


def test_labels_are_those_that_the_suite_states_else_those_that_are_published():
    stated = ModelSpec(name="resnet50", weights="ResNet50_Weights.IMAGENET1K_V2", labels="voc")
    assert weight_file(stated).labels == "voc"
    assert file_of("ResNet50_Weights.IMAGENET1K_V2").labels == "imagenet"
    assert file_of("net.pth").labels is None
