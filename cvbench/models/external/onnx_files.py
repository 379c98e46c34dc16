"""Files of an ONNX model: its external data, and limits on the tensors it stores and creates.

Since torch 2.9, an export is two files, `model.onnx` and `model.onnx.data`: the graph names the second one by
a path relative to its own folder. Such paths are resolved there, independent of the working folder, and a
path that points outside the folder is rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, Final

from cvbench.errors import InputError

LARGEST: Final = 1 << 30
"""Most elements that a graph may store or create in one tensor, 4 GiB in fp32; larger ones are rejected."""
_SMALL: Final = 4096
"""Most elements of a tensor that may hold another tensor's shape."""


def libraries() -> tuple[Any, Any]:
    """The packages onnx and onnxruntime; raises InputError if one is not installed."""
    try:
        import onnx
        import onnx.external_data_helper
        import onnx.numpy_helper
        import onnx.shape_inference
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(
            f"ONNX files need {error.name}, which is not installed.\n  pip install 'cvbench[onnx]'"
        ) from error
    return onnx, onnxruntime


def read_graph(path: Path) -> Any:
    """The file's ModelProto, without its external data.

    Raises InputError for a file that does not exist, is a Git LFS pointer, or is not ONNX.
    """
    onnx, _ = libraries()
    from google.protobuf.message import DecodeError

    try:
        content = path.read_bytes()
        if content.startswith(b"version https://git-lfs"):
            raise InputError(
                f"{path}: this is a Git LFS pointer, not the file itself.\n  Fetch it: git lfs pull"
            )
        return onnx.load_model_from_string(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (DecodeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not an ONNX file that can be run here ({reason}).") from error


def files_of_onnx(path: Path) -> list[Path]:
    """The file itself, then its external data files, sorted by name.

    A file that is not readable as ONNX is returned alone: loading it raises the error. Raises InputError for
    external data outside the file's folder.
    """
    try:
        return [path, *external_files(path, read_graph(path))]
    except InputError:
        return [path]


def external_files(path: Path, model: Any) -> list[Path]:
    """The external data files of a graph.

    Raises InputError for a file that is missing or outside the folder of `path`.
    """
    folder = path.resolve().parent
    found = dict.fromkeys(_locations(model))
    for location in found:
        file = folder / location
        if not location or not file.resolve().is_relative_to(folder):
            raise InputError(
                f"{path}: its external data {location!r} is outside its folder, {folder}.\n"
                "  Move the data into the folder of the .onnx file, or export the model as one file."
            )
        if not file.is_file():
            raise InputError(
                f"{path}: its external data {location!r} is missing: there is no file {file}.\n"
                "  Keep the .onnx file and its data in one folder, or export the model as one file."
            )
    return [path.parent / location for location in sorted(found)]


def _locations(model: Any) -> Iterator[str]:
    for tensor in _tensors(model):
        if tensor.data_location == tensor.EXTERNAL:
            yield next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _tensors(model: Any) -> Iterator[Any]:
    """All tensors stored in a model: initializers and attributes, including subgraphs and functions."""
    for graph in _graphs(model.graph):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        yield from _attributes(graph.node)
    for function in model.functions:
        yield from _attributes(function.node)


def _attributes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and its nested subgraphs."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            below = [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
            for one in below:
                yield from _graphs(one)


def check_sizes(path: Path, model: Any) -> None:
    """Raise InputError for a graph that stores or creates a tensor of more than `LARGEST` elements.

    A few bytes can request any number of elements: a shape for ConstantOfShape, Expand or Tile, or a sparse
    initializer. Shapes that depend on the images are not known here and not limited.
    """
    onnx, _ = libraries()
    for graph in _graphs(model.graph):
        sparse = [(one.values.name, list(one.dims)) for one in graph.sparse_initializer]
        stored = [(one.name, list(one.dims)) for one in graph.initializer]
        for name, shape in (*sparse, *stored):
            _check_size(path, name, shape)
    small = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    small.functions.extend(model.functions)
    for part in ("node", "input", "output", "value_info"):
        getattr(small.graph, part).extend(getattr(model.graph, part))
    small.graph.name = model.graph.name
    for tensor in model.graph.initializer:
        if prod(tensor.dims) <= _SMALL and tensor.data_location != tensor.EXTERNAL:
            small.graph.initializer.append(tensor)
        else:
            small.graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    try:
        inferred = onnx.shape_inference.infer_shapes(small, data_prop=True)
    except (RuntimeError, ValueError):  # onnxruntime reports an invalid graph better
        return
    for graph in _graphs(inferred.graph):
        for value in (*graph.value_info, *graph.output):
            dims = value.type.tensor_type.shape.dim
            if all(dim.HasField("dim_value") for dim in dims):
                _check_size(path, value.name, [dim.dim_value for dim in dims])


def _check_size(path: Path, name: str, shape: list[int]) -> None:
    if prod(shape) > LARGEST:
        raise InputError(
            f"{path}: the tensor {name!r} has the shape {shape}, {prod(shape):,} elements; "
            f"the limit is {LARGEST:,}.\n  Export the model without this constant."
        )
