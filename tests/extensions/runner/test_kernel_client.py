"""A report that writes an Output widget again and again ends: no answer of its kernel is missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from .notebooks_to_pages import ENVIRONMENT

BEGIN = "import ipywidgets\nfrom IPython.display import clear_output\noutput = ipywidgets.Output()"
AGAIN = "for number in range(3):\n    with output:\n        clear_output(wait=True)\n        print(number)"


def test_a_report_with_an_output_that_changes_ends() -> None:
    with tempfile.TemporaryDirectory(prefix="ulr", dir="/tmp") as folder:
        source = Path(folder) / "report.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(code) for code in (BEGIN, *[AGAIN] * 40)]), source)
        task = {
            "source": str(source),
            "output": f"{folder}/out.ipynb",
            "parameters": {},
            "socket": f"{folder}/k",
        }
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        process = subprocess.Popen(
            (sys.executable, "-m", "urbanlab_runner.execute"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**ENVIRONMENT, "PATH": path, "HOME": folder, "LANG": "C.UTF-8"},
        )
        assert process.stdin is not None and process.stdout is not None
        # The process lives for as long as its input is open.
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        try:
            process.wait(60)
            assert json.loads(process.stdout.read()) == {}
        finally:
            process.kill()
            process.wait()
