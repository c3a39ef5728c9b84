"""Who may import whom, no cycles, one reader of the environment a package, modules and functions of a size."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "urbanlab": ROOT / "kernels/urbanlab",
    "urbanlab_hub": ROOT / "hub_config/urbanlab_hub",
    "urbanlab_operate": ROOT / "hub_config/urbanlab_operate",
    "urbanlab_lab": ROOT / "extensions/urbanlab_lab",
    "urbanlab_runner": ROOT / "extensions/urbanlab_runner",
    "urbanlab_services": ROOT / "extensions/urbanlab_services",
    "urbanlab_portal": ROOT / "voila_apps/urbanlab_portal",
}
# What each package may import of ours, besides itself.
OURS = {
    "urbanlab": set(),
    "urbanlab_hub": {"urbanlab.contract"},
    "urbanlab_operate": {
        "urbanlab.contract",
        "urbanlab_hub.settings",
        "urbanlab_hub.tenants",
        "urbanlab_hub.tenant_rules",
        "urbanlab_hub.services",
        # What the hub makes on a machine, the operator's command names and removes.
        "urbanlab_hub.accounts",
        "urbanlab_hub.account_limits",
        "urbanlab_hub.cgroups",
        "urbanlab_hub.homes",
    },
    "urbanlab_lab": {"urbanlab.contract"},
    "urbanlab_runner": {"urbanlab.contract"},
    "urbanlab_services": {"urbanlab.contract"},
    "urbanlab_portal": {"urbanlab.contract"},
}
NEVER = {
    "urbanlab": {"jupyterhub", "jupyter_server", "tornado"},
    "urbanlab_hub": {"voila", "pandas", "chdb"},
    "urbanlab_operate": {"jupyterhub", "tornado", "pandas", "chdb"},
    "urbanlab_lab": {"pandas", "chdb", "voila"},
    "urbanlab_runner": {"pandas", "chdb"},
    "urbanlab_services": {"pandas", "voila", "jupyter_server"},
    "urbanlab_portal": {"pandas", "voila", "jupyterhub", "jupyter_server", "chdb"},
}
# The modules that read the process's environment, one for each kind of process.
ENVIRONMENT_READERS = {
    "urbanlab.session",
    "urbanlab_lab.app",
    "urbanlab_runner.app",
    "urbanlab_hub.settings",
    "urbanlab_services.service",
    "urbanlab_portal.settings",
}
ROOT_FOLDERS = {"hub_config", "extensions", "notebooks", "kernels", "voila_apps", "tests"}


def _modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__"))), path


MODULES = dict(_modules())


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imports(module: str, path: Path) -> Iterator[str]:
    """Yield the absolute name of everything that a module imports, at whatever depth."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]) if base else ".".join(above)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield name if name in MODULES else base


def _is_below(name: str, parents: set[str]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_package_may(module: str) -> None:
    package = module.split(".")[0]
    for name in _imports(module, MODULES[module]):
        if name.split(".")[0] in PACKAGES and name.split(".")[0] != package:
            assert _is_below(name, OURS[package]), f"{module} imports {name}"
        assert not _is_below(name, NEVER[package]), f"{module} imports {name}"
        if module.startswith("urbanlab.contract") and name.split(".")[0] == "urbanlab":
            assert name.startswith("urbanlab.contract"), f"{module} imports {name}"


def test_there_is_no_cycle() -> None:
    graph = {
        module: {name for name in _imports(module, path) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    # A package's face imports its modules; the way back, to the face alone, is what a cycle would need.
    state: dict[str, str] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        state[module] = "open"
        for name in sorted(graph[module]):
            assert state.get(name) != "open", " -> ".join((*trail, module, name))
            if name not in state:
                visit(name, (*trail, module))
        state[module] = "done"

    for module in graph:
        if module not in state:
            visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_only_the_readers_read_the_environment(module: str) -> None:
    reads = re.findall(
        r"\bos\.(?:environ|getenv)\b", ast.unparse(_without_docstrings(_parse(MODULES[module])))
    )
    if module not in ENVIRONMENT_READERS and not module.endswith(".__main__"):
        assert not reads, f"{module} reads the environment"


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            body[0] = ast.Expr(ast.Constant(None))
    return tree


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_of_a_size_and_described(module: str) -> None:
    tree = _parse(MODULES[module])
    assert ast.get_docstring(tree), f"{module} does not say what lives in it"
    assert MODULES[module].read_text(encoding="utf-8").count("\n") <= 400, f"{module} holds too much"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            start = node.body[1].lineno if documented and len(node.body) > 1 else node.lineno
            assert (node.end_lineno or 0) - start < 60, f"{module}.{node.name} is too long"
            assert node.returns is not None, f"{module}.{node.name} does not say what it returns"


def test_the_contract_needs_only_the_standard_library() -> None:
    import sys

    for module, path in MODULES.items():
        if module.startswith("urbanlab.contract"):
            for name in _imports(module, path):
                assert name.split(".")[0] in {*sys.stdlib_module_names, "urbanlab"}, f"{module}: {name}"


def _tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def test_the_root_holds_only_the_agreed_folders() -> None:
    folders = {name.split("/")[0] for name in _tracked() if "/" in name}
    assert {name for name in folders if not name.startswith(".")} <= ROOT_FOLDERS


def test_no_tenant_stands_in_the_code() -> None:
    tenants = {
        path.stem for path in (ROOT / "hub_config/tenants").glob("*.yaml") if not path.name.startswith("_")
    }
    assert tenants
    for module, path in MODULES.items():
        named = tenants & set(re.findall(r"[a-z]+", ast.unparse(_without_docstrings(_parse(path)))))
        assert not named, f"{module} names {named}"


def test_notebooks_import_only_what_kernels_bring() -> None:
    allowed = {
        *("urbanlab", "pandas", "numpy", "geopandas", "matplotlib", "statsmodels", "holidays", "IPython"),
        *("ipywidgets", "folium", "shapely", "datetime", "math", "textwrap"),
    }
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                assert not cell["outputs"], f"{path.name} is committed with outputs"
                code = "".join(line for line in cell["source"] if not line.lstrip().startswith(("%", "!")))
                for node in ast.walk(ast.parse(code)):
                    if isinstance(node, ast.Import):
                        assert {alias.name.split(".")[0] for alias in node.names} <= allowed
                    elif isinstance(node, ast.ImportFrom):
                        assert (node.module or "").split(".")[0] in allowed
