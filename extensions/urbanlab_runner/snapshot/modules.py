"""The scripts and styles of anywidgets: files of the page instead of text that a browser would have to evaluate."""

from __future__ import annotations

from urbanlab_runner.snapshot.files import Files
from urbanlab_runner.snapshot.foreign import ForeignAddresses, clean_css, find_in_module
from urbanlab_runner.snapshot.models import Model, Models

# In place of a script that is not shown; without one anywidget would look for it where pages must not.
NOTHING = "export default {};\n"


def is_anywidget(model: Model) -> bool:
    """Return whether a model brings its own script."""
    return model.get("model_module") == "anywidget"


def take_out_modules(models: Models, files: Files, foreign: ForeignAddresses) -> None:
    """Put the address of a file in place of each script and each style."""
    for _, model in models.items():
        if is_anywidget(model):
            state = model["state"]
            state["_esm"] = _make_module(str(state.get("_esm") or ""), files, foreign)
            state["_css"] = _make_style(str(state.get("_css") or ""), files, foreign)


def _make_module(code: str, files: Files, foreign: ForeignAddresses) -> str:
    addresses = [code] if _is_address(code) else find_in_module(code)
    for address in addresses:
        foreign.report(address)
    return files.add("module", (NOTHING if addresses else code or NOTHING).encode(), "mjs")


def _make_style(rules: str, files: Files, foreign: ForeignAddresses) -> str:
    if _is_address(rules):
        foreign.report(rules)
        return ""
    rules = clean_css(rules, foreign)
    return files.add("style", rules.encode(), "css") if rules.strip() else ""


def _is_address(text: str) -> bool:
    # As anywidget tells them apart; a script may begin with two slashes too.
    return text.startswith(("http://", "https://"))
