"""Fills an empty engine from a backup's file: ``python -m …warehouse.engine.restoring STATE FILE``.

No engine runs meanwhile. Every part is read and compared with its checksums; what is damaged ends it.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from urbanlab_services.warehouse.engine import roles

_TABLES = (
    "SELECT database, name, total_rows FROM system.tables WHERE endsWith(engine, 'MergeTree') "
    "AND database NOT IN ('system') ORDER BY 1, 2"
)


def restore(state: Path, file: Path) -> dict[str, int]:
    """Fill the engine's folder `state` from `file`; return the rows of each table.

    Raises `ChdbError` for what cannot be read, or is not what was written.
    """
    for name in ("data", "config", "backups"):
        (state / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    users, config = state / "config" / "users.xml", state / "config" / "config.xml"
    users.write_text(roles.render_users(roles.make_roles([])), encoding="utf-8")
    config.write_text(roles.render_config(users, state / "backups"), encoding="utf-8")
    link = state / "backups" / "restored.tar"
    link.symlink_to(file.resolve())
    connection = Connection(f"{state / 'data'}?config-file={config}")
    try:
        connection.query(f"SET ROLE {roles.OPERATOR_ROLE}")
        connection.query(f"RESTORE ALL FROM File('{link.name}')")
        return {f"{database}.{name}": rows for database, name, rows in _check_tables(connection)}
    finally:
        connection.close()
        shutil.rmtree(state / "backups")
        shutil.rmtree(state / "config")


def _check_tables(connection: Connection) -> list[tuple[str, str, int]]:
    tables = connection.query(_TABLES, "JSONCompactEachRow").bytes().splitlines()
    found = []
    for database, name, rows in map(json.loads, tables):
        quoted = f"{_quote(database)}.{_quote(name)}"
        (is_whole,) = json.loads(
            connection.query(
                f"CHECK TABLE {quoted} SETTINGS check_query_single_value_result = 1", "JSONCompactEachRow"
            ).bytes()
        )
        if not int(is_whole):
            raise ChdbError(f"The table {database}.{name} is not what was written")
        found.append((database, name, int(rows)))
    return found


def _quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


if __name__ == "__main__":
    try:
        print(json.dumps(restore(Path(sys.argv[1]), Path(sys.argv[2]))))
    except (ChdbError, RuntimeError) as problem:
        sys.exit(str(problem)[:1000])
