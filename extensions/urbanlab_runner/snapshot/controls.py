"""Controls that need a kernel: a page without one shows them as they were left, and says that they do nothing."""

from __future__ import annotations

from urbanlab_runner.snapshot.models import Model, Models
from urbanlab_runner.snapshot.modules import is_anywidget

_CONTROLS = "@jupyter-widgets/controls"
# They have the trait `disabled`, but nothing that a reader could change.
_SHOWN_ONLY = frozenset({"ValidModel"})


def disable_controls(models: Models) -> bool:
    """Make each control inactive that nothing but a kernel answers; return whether something needs a kernel.

    What is linked in the browser, and what brings its own script, goes on acting as far as it can.
    """
    linked = models.list_linked()
    needs_kernel = False
    for model_id, model in models.items():
        if is_anywidget(model):
            model["state"]["without_kernel"] = True  # so that a script can show what it has as what it is
            needs_kernel = True
        elif model_id not in linked and is_control(model):
            model["state"]["disabled"] = True
            needs_kernel = True
    return needs_kernel


def is_control(model: Model) -> bool:
    """Return whether a reader could set something with a widget, and its author has not switched it off."""
    state = model["state"]
    return (
        model.get("model_module") == _CONTROLS
        and "disabled" in state
        and not state["disabled"]
        and model.get("model_name") not in _SHOWN_ONLY
    )
