"""What the kernel loads at its start: the magics `%%sql`, `%tail` and `%pip`, and the guard of maps."""

from __future__ import annotations

import importlib
from typing import Any

from urbanlab.child_output import carry_child_output
from urbanlab.completion import register as register_completion
from urbanlab.errors import ParameterError, SessionError, TopicNotFoundError
from urbanlab.late_imports import call_after_import
from urbanlab.whole_output import keep_output_whole


def sql(line: str, cell: str, shell: Any) -> Any:
    """Run the cell as a query: ``%%sql [name]``; with a name the answer is kept there instead of shown.

    ``{persons}`` or ``{persons:Int64}`` in the text stands for the notebook's variable of that name; it is
    sent beside the text. Raises what `urbanlab.query` raises.
    """
    from urbanlab.parameters import find_names
    from urbanlab.warehouse import query

    target = line.strip()
    if target and not target.isidentifier():
        raise ParameterError(f"%%sql takes at most the name to keep the answer under; {target!r} is none")
    names = find_names(cell)
    answer = query(cell, **{name: shell.user_ns[name] for name in names if name in shell.user_ns})
    if not target:
        return answer
    shell.user_ns[target] = answer
    return None


def tail(line: str) -> Any:
    """Show a live tail: ``%tail topic [filter …]``, for example ``%tail footfall_live sensor=kolbeplatz``."""
    from urbanlab.widgets.tail import tail as make_tail

    # What follows goes on as it is, so that quotation marks mean the same as in the filter box.
    topic, _, where = line.strip().partition(" ")
    if not topic:
        raise TopicNotFoundError("%tail takes a topic and what to filter by: %tail footfall_live persons>20")
    return make_tail(topic, where=where.strip())


def pip(line: str, shell: Any) -> None:
    """Run pip as in a terminal, ``%pip install NAME``, where the tenant allows it; else it says whom to ask."""
    shell.system(f"pip {line}")
    importlib.invalidate_caches()  # so that what was installed just now is found


def guard_maps() -> None:
    """Let folium's own maps load nothing from others, as those of `urbanlab.map` do."""
    from urbanlab.session import current_session
    from urbanlab.widgets.own_files import use_own_files

    try:
        use_own_files(current_session().assets_url)
    except SessionError:
        return  # not in Urban Lab, where nobody has promised anything about maps


def load_ipython_extension(shell: Any) -> None:
    """Register magics, completion and guard, and take care of child processes' output; IPython calls this."""
    if getattr(shell, "kernel", None) is not None:  # not in a terminal
        carry_child_output(shell.kernel.parent)
        keep_output_whole(shell.kernel.parent)
    register_completion(shell)
    call_after_import("folium", guard_maps)

    def run_sql(line: str, cell: str) -> Any:
        return sql(line, cell, shell)

    def run_pip(line: str) -> None:
        pip(line, shell)

    shell.register_magic_function(run_sql, "cell", "sql")
    shell.register_magic_function(run_pip, "line", "pip")
    shell.register_magic_function(tail, "line", "tail")
