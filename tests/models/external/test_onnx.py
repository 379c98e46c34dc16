"""Models in ONNX files, written here node by node, so that their outputs are known."""

import hashlib
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from cvbench.data.images.color import normalize
from cvbench.errors import InputError, UnknownName
from cvbench.models.building import build_model
from cvbench.models.labels import build_for
from cvbench.models.weights.loading import load_weight_file, load_weights
from cvbench.runner.fingerprint import fingerprint
from cvbench.runner.inference import Inference
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime
from cvbench.spec.suite import plan_cell

MATRIX = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)


def saved(path, nodes, *, inputs=None, outputs, tensors=()):
    inputs = inputs or [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, 16, 24])]
    graph = helper.make_graph(nodes, "net", inputs, outputs, [*tensors])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def classifier(path, *, batch="b", matrix=MATRIX):
    """The mean color, times a matrix."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["logits"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, 16, 24])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, matrix.shape[1]])
    tensors = [numpy_helper.from_array(matrix, "matrix")]
    return saved(path, nodes, inputs=[images], outputs=[logits], tensors=tensors)


def loaded(path, kind="classifier", classes=5, **options):
    model = build_model(ModelSpec(name=f"onnx/{kind}", options=options), classes)
    load_weights(model, path)
    return model


def images(count):
    return torch.randint(0, 256, (count, 3, 16, 24), dtype=torch.uint8)


@pytest.mark.parametrize("batch", ["b", 1])
def test_a_classifier_says_what_its_graph_computes_for_any_batch(tmp_path, batch):
    model = loaded(classifier(tmp_path / "net.onnx", batch=batch), mean=(0.5, 0.5, 0.5))
    inference = Inference.of(model, Runtime(), torch.device("cpu"))
    prepared = normalize(images(3), model.preprocessing)

    found = inference(inference.place(prepared))

    expected = (prepared.mean((2, 3)) @ torch.from_numpy(MATRIX)).softmax(1)
    torch.testing.assert_close(torch.stack([one.scores for one in found]), expected)


def test_its_size_is_the_files_and_its_tensors_are_counted_and_fingerprinted(tmp_path):
    model = loaded(classifier(tmp_path / "net.onnx"))
    other = loaded(classifier(tmp_path / "other.onnx", matrix=MATRIX + 1))
    assert model.preprocessing.size == (16, 24)
    assert sum(parameter.numel() for parameter in model.parameters()) == MATRIX.size
    assert fingerprint(model) == fingerprint(loaded(tmp_path / "net.onnx"))
    assert fingerprint(model) != fingerprint(other)


def test_probabilities_are_left_as_they_are(tmp_path):
    model = loaded(classifier(tmp_path / "net.onnx"), softmax=False)
    raw = torch.rand(2, 5)
    assert [one.scores.tolist() for one in model.decode(raw)] == raw.tolist()


def test_a_detector_gives_boxes_labels_and_scores_of_each_image(tmp_path):
    values = {
        "boxes": np.array([[0, 0, 4, 4], [1, 1, 9, 9], [2, 2, 3, 3]], np.float32),
        "labels": np.array([2, 1, 9], np.int64),
        "scores": np.array([0.25, 0.75, 0.5], np.float32),
    }
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
        for name, value in values.items()
    ]
    kinds = {"boxes": TensorProto.FLOAT, "labels": TensorProto.INT64, "scores": TensorProto.FLOAT}
    outputs = [helper.make_tensor_value_info(name, kinds[name], values[name].shape) for name in values]
    model = loaded(saved(tmp_path / "net.onnx", nodes, outputs=outputs), "detector", 2)

    found = model.decode(model(torch.zeros(2, 3, 16, 24)))

    assert len(found) == 2
    assert found[1].labels.tolist() == [0, 1]  # the ninth is none of the two classes
    assert found[1].scores.tolist() == [0.75, 0.25]
    assert found[1].boxes.tolist() == [[1, 1, 9, 9], [0, 0, 4, 4]]


def test_a_segmenter_labels_each_pixel_with_its_best_class(tmp_path):
    nodes = [helper.make_node("Identity", ["images"], ["logits"])]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 3, 16, 24])
    model = loaded(saved(tmp_path / "net.onnx", nodes, outputs=[logits]), "segmenter", 3)
    pixels = torch.rand(2, 3, 16, 24)
    [first, _] = model.decode(model(pixels))
    assert torch.equal(first.labels.long(), pixels[0].argmax(0))


def test_a_suite_takes_it_by_its_weights_with_a_hash(tmp_path):
    path = classifier(tmp_path / "net.onnx")
    spec = ModelSpec(name="onnx/classifier", weights=f"{path}#sha256={'0' * 64}")
    model, _ = build_for(spec, tuple("abcde"))
    with pytest.raises(InputError, match="this is not the expected file"):
        load_weight_file(model, weight_file(spec))


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"no graph", {}, "not an ONNX file that can be run here"),
        (b"", {}, "not an ONNX file that can be run here"),
        (None, {"size": 32}, r"the input size is fixed at \[16, 24\], but the options set \[32, 32\]"),
    ],
)
def test_a_file_that_cannot_be_run_is_refused(tmp_path, content, options, said):
    path = classifier(tmp_path / "net.onnx")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        loaded(path, **options)


def test_what_does_not_fit_is_told(tmp_path):
    path = classifier(tmp_path / "net.onnx")
    with pytest.raises(
        InputError,
        match=r"no output  ?of the shape \(b, 7\).*Its outputs are logits: tensor\(float\) \['b', 5\]",
    ):
        loaded(path, classes=7)
    with pytest.raises(
        InputError, match="a detector needs the outputs boxes, labels, scores; this file has logits"
    ):
        loaded(path, "detector")
    with pytest.raises(InputError, match="an ONNX file is a whole model"):
        load_weights(build_model(ModelSpec(name="resnet18"), 5), path)
    with pytest.raises(InputError, match="cannot be trained here"):
        build_model(ModelSpec(name="onnx/classifier"), 5).loss(None, [])
    with pytest.raises(InputError, match="needs `shorter`, the pixels of the shorter side"):
        build_model(ModelSpec(name="onnx/classifier", options={"resize": "crop"}), 5)
    with pytest.raises(UnknownName, match="Did you mean onnx/classifier"):
        build_model(ModelSpec(name="onnx/clasifier"), 5)


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    path = classifier(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"onnxruntime.*not installed.\n  pip install 'cvbench\[onnx\]'"):
        loaded(path)


@pytest.mark.parametrize("runtime", [{"precision": "bf16"}, {"compile": True}])
def test_it_computes_as_it_was_exported(runtime):
    cell = Cell(
        model=ModelSpec(name="onnx/classifier"),
        data=DataSpec(name="fashion"),
        runtime=Runtime(device="cpu", **runtime),
    )
    assert "as exported" in plan_cell(cell, has_gpu=False).skip


def external(folder, matrix):
    """As torch exports since 2.9: the graph, and its tensors in a file next to it."""
    folder.mkdir()
    model = onnx.load(classifier(folder / "whole.onnx", matrix=matrix))
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, location="net.onnx.data")
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


def test_external_data_are_those_beside_the_file_from_every_folder_and_part_of_its_hash(
    tmp_path, monkeypatch
):
    one, other = external(tmp_path / "one", MATRIX), external(tmp_path / "two", MATRIX + 1)
    assert one.read_bytes() == other.read_bytes()
    prints = set()
    for folder in (tmp_path, one.parent, other.parent):
        monkeypatch.chdir(folder)
        assert torch.equal(
            loaded(one)(torch.ones(1, 3, 16, 24)), torch.from_numpy(np.ones((1, 3), "f4") @ MATRIX)
        )
        prints.add((fingerprint(loaded(one)), fingerprint(loaded(other))))
    assert len(prints) == 1
    assert len({*prints.pop()}) == 2
    sha256 = hashlib.sha256(other.read_bytes() + (other.parent / "net.onnx.data").read_bytes()).hexdigest()
    spec = ModelSpec(name="onnx/classifier", weights=f"{one}#sha256={sha256}")
    with pytest.raises(InputError, match="this is not the expected file"):
        load_weight_file(build_model(spec, 5), weight_file(spec))
    load_weight_file(build_model(spec, 5), replace(weight_file(spec), places=(other,)))


@pytest.mark.parametrize("location", ["../two/net.onnx.data", "/etc/passwd", "link"])
def test_external_data_outside_of_the_folder_are_refused(tmp_path, location):
    path, other = external(tmp_path / "one", MATRIX), external(tmp_path / "two", MATRIX)
    (path.parent / "link").symlink_to(other.parent / "net.onnx.data")
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="is outside its folder"):
        loaded(path)


def test_external_data_that_are_missing_are_named(tmp_path):
    path = external(tmp_path / "one", MATRIX)
    (path.parent / "net.onnx.data").unlink()
    with pytest.raises(InputError, match=r"external data 'net.onnx.data' is missing"):
        loaded(path)


@pytest.mark.parametrize("count", [1, 8, 12])
def test_a_fixed_batch_is_filled_up_and_cut(tmp_path, count):
    images = torch.rand(count, 3, 16, 24)
    found = loaded(classifier(tmp_path / "net.onnx", batch=8))(images)
    torch.testing.assert_close(found, images.mean((2, 3)) @ torch.from_numpy(MATRIX))


def two_outputs(path):
    """Labels first, then features, then the scores."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
        helper.make_node("MatMul", ["features", "matrix"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, ["b"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["b", 3]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 5]),
    ]
    return saved(path, nodes, outputs=outputs, tensors=[numpy_helper.from_array(MATRIX, "matrix")])


def test_of_several_outputs_the_one_of_the_tasks_shape_is_read_or_the_one_that_is_named(tmp_path):
    path, images = two_outputs(tmp_path / "net.onnx"), torch.rand(2, 3, 16, 24)
    torch.testing.assert_close(loaded(path)(images), images.mean((2, 3)) @ torch.from_numpy(MATRIX))
    torch.testing.assert_close(loaded(path, classes=3, output="features")(images), images.mean((2, 3)))
    with pytest.raises(
        InputError, match=r"(?s)label: tensor\(int64\).*features.*logits.*options: \{output: NAME\}"
    ):
        loaded(path, output="label")


def bomb(path, node, *, tensors):
    total = helper.make_node("ReduceSum", ["big"], ["sum"], keepdims=0)
    outputs = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])]
    return saved(path, [node, total], outputs=outputs, tensors=tensors)


def test_a_few_bytes_that_ask_for_much_memory_are_refused(tmp_path):
    shape = numpy_helper.from_array(np.array([1 << 16, 1 << 16], np.int64), "shape")
    node = helper.make_node("ConstantOfShape", ["shape"], ["big"])
    with pytest.raises(InputError, match=r"'big' has the shape \[65536, 65536\], 4,294,967,296 elements"):
        loaded(bomb(tmp_path / "net.onnx", node, tensors=[shape]))
    one = numpy_helper.from_array(np.ones((1, 1), np.float32), "one")
    with pytest.raises(InputError, match="'big' has the shape"):
        loaded(
            bomb(
                tmp_path / "b.onnx",
                helper.make_node("Expand", ["one", "shape"], ["big"]),
                tensors=[one, shape],
            )
        )
