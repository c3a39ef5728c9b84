"""The saved models of a notebook's widgets: which of them a page shows, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

STATE_TYPE = "application/vnd.jupyter.widget-state+json"
_REFERENCE = "IPY_MODEL_"
_OUTPUT_VIEW = "application/vnd.jupyter.widget-view+json"
# A link in the browser, from one model's trait to another's.
_LINKS = frozenset({"LinkModel", "DirectionalLinkModel"})

Model = dict[str, Any]


class Models:
    """The models by their ids; what a page changes in them is changed in the notebook."""

    def __init__(self, notebook: Any) -> None:
        saved = (notebook.get("metadata", {}).get("widgets") or {}).get(STATE_TYPE) or {}
        state = saved.get("state") or {}
        self._all: dict[str, Model] = {
            str(name): model
            for name, model in state.items()
            if isinstance(model, dict) and isinstance(model.get("state"), dict)
        }

    def find(self, model_id: str) -> Model | None:
        """Return a model or None."""
        return self._all.get(model_id)

    def keep_reachable(self, shown: Iterable[str]) -> None:
        """Forget what nobody sees: what an author kept in a widget and did not show is not published."""
        found: set[str] = set()
        waiting = [model_id for model_id in shown if model_id in self._all]
        while True:
            while waiting:
                model_id = waiting.pop()
                if model_id not in found:
                    found.add(model_id)
                    waiting += [each for each in self.list_references(model_id) if each in self._all]
            waiting = [link for link in self._list_links(found) if link not in found]
            if not waiting:
                break
        self._all = {name: model for name, model in self._all.items() if name in found}

    def list_references(self, model_id: str) -> list[str]:
        """Return the ids of the models that a model refers to."""
        return list(_find_references(self._all[model_id]["state"]))

    def list_linked(self) -> set[str]:
        """Return the ids of the models that are linked in the browser: they act without a kernel."""
        links = self._list_links(set(self._all))
        return {reference for link in links for reference in self.list_references(link)}

    def items(self) -> Iterator[tuple[str, Model]]:
        """Yield ids and models."""
        yield from self._all.items()

    def to_state(self) -> dict[str, Any]:
        """Return the models in the form that widget managers read."""
        return {"version_major": 2, "version_minor": 0, "state": self._all}

    def _list_links(self, among: set[str]) -> list[str]:
        return [
            name
            for name, model in self._all.items()
            if model.get("model_name") in _LINKS and among & set(self.list_references(name))
        ]


def to_model_id(value: Any) -> str:
    """Return the id in a reference ``IPY_MODEL_id``, or an empty text."""
    return value[len(_REFERENCE) :] if isinstance(value, str) and value.startswith(_REFERENCE) else ""


def get_buffer(model: Model, name: str) -> str:
    """Return the base64 of a trait that is kept as bytes, or an empty text."""
    for buffer in model.get("buffers") or []:
        if buffer.get("path") == [name] and buffer.get("encoding", "base64") == "base64":
            return str(buffer.get("data", ""))
    return ""


def _find_references(value: Any) -> Iterator[str]:
    # By a list of its own: how deep somebody's state is nested is up to them.
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            view = value.get(_OUTPUT_VIEW)
            if isinstance(view, dict):
                yield str(view.get("model_id", ""))
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif model_id := to_model_id(value):
            yield model_id
