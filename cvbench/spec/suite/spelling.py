"""Short forms written in full: a mere name is a mapping with that name, one value a list of one.

Whatever is neither is left as it is, for the form to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def spelled_out(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The suite without short forms; a model's own `data` has the suite's name where it has none."""
    suite = _settings(tree)
    models = tree.get("models")
    if isinstance(models, list):
        suite["models"] = [_model(_named(item), suite.get("data")) for item in models]
    return suite


def _model(item: Any, data: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    model = _settings(item)
    own = model.get("data")
    if isinstance(own, Mapping) and isinstance(data, Mapping) and "name" in data:
        model["data"] = {"name": data["name"], **own}
    return model


def _settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(tree)
    if "data" in settings:
        settings["data"] = _named(settings["data"])
    if "seed" in settings:
        settings["seed"] = _listed(settings["seed"])
    if isinstance(runtime := settings.get("runtime"), Mapping):
        settings["runtime"] = {key: _listed(value) for key, value in runtime.items()}
    return settings


def _named(node: Any) -> Any:
    return {"name": node} if isinstance(node, str) else node


def _listed(node: Any) -> Any:
    return node if isinstance(node, list) else [node]
