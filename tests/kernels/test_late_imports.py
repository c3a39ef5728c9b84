"""Something happens once a library has been imported, and nothing before."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from urbanlab.late_imports import call_after_import
import sys
call_after_import("{name}", lambda: print("acted", "{name}" in sys.modules))
print("waiting", "{name}" in sys.modules)
import {what}
import {what}
print("done")
"""


@pytest.mark.parametrize("what", ["wave", "xml.dom.minidom"])
def test_it_is_called_once_after_the_first_import(what: str) -> None:
    name = what.partition(".")[0]
    code = PROGRAM.format(name=name, what=what)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["waiting False", "acted True", "done"]


def test_it_is_called_at_once_for_what_is_imported_already() -> None:
    from urbanlab.late_imports import call_after_import

    called: list[str] = []
    call_after_import("subprocess", lambda: called.append("now"))
    assert called == ["now"]
