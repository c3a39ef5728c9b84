"""A backup of the running installation, and a second installation made from it: the same in all that counts."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.installation import Installation, make_state_folder, remove_state_folder

from .login import StaffSession
from .operator_access import read_status
from .people import People

TABLE = "lab_rietberg.counted"
COMPARED = ("guetersloh.footfall", "guetersloh.sensors", "detmold.weather", TABLE)
ADDRESSES = ("/", "/guetersloh/", "/rietberg/")
READ = "import urbanlab as ul; print(ul.query('SELECT count() > 0 AS any FROM {table}').iloc[0, 0])"
KEEP = "from pathlib import Path; Path('kept.txt').write_text('the night before')"
LOOK = "from pathlib import Path; print(Path('kept.txt').read_text())"
# The second installation starts within the first's test.
pytestmark = pytest.mark.timeout(420)


class Writer:
    """Somebody who goes on inserting, and remembers what was acknowledged."""

    def __init__(self, installation: Installation, name: str, password: str) -> None:
        self.acknowledged = 0
        self._staff = StaffSession(installation, name, "rietberg", password)
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        insert = f"ul.client().command('INSERT INTO {TABLE} SELECT max(a) + 1 FROM {TABLE}')"
        self._line = f"{insert}; print('stored')"

    def __enter__(self) -> Writer:
        create = f"CREATE TABLE {TABLE} ENGINE = MergeTree ORDER BY a AS SELECT 0 AS a"
        self._run(f"import urbanlab as ul; {KEEP}; ul.client().command('{create}'); print('stored')")
        self._writing = self._thread.submit(self._write)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.shutdown()
        try:
            self._run(f"ul.client().command('DROP TABLE {TABLE}'); print('stored')")
        finally:
            self._staff.close()
        self._writing.result()

    def _write(self) -> None:
        while not self._stop.is_set():
            self._run(self._line)
            self.acknowledged += 1

    def _run(self, line: str) -> None:
        result = self._staff.run(line)
        assert "stored" in result.text, result.error


def digest(installation: Installation, table: str) -> str:
    """Return the number of a table's rows and a hash of them all."""
    secret = installation.secret("warehouse-operator")
    query = f"SELECT count(), sum(cityHash64(*)) FROM {table}"
    answer = requests.post(
        installation.settings.warehouse_url, data=query, auth=("operator", secret), timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def count(installation: Installation) -> int:
    return int(digest(installation, TABLE).split()[0])


def show(installation: Installation) -> list[str]:
    """Return what the portal shows, whatever its own address and the version of its styles are."""
    url = installation.settings.portal_url
    texts = [requests.get(url + path, timeout=20).text for path in ADDRESSES]
    return [re.sub(r"\?v=\w+", "", text.replace(url, "")) for text in texts]


def list_pages(installation: Installation) -> dict[str, str]:
    """Return a digest of each file that the public finds."""
    public = installation.settings.public
    found = (path for name in ("publications", "pages", "files") for path in (public / name).rglob("*"))
    return {
        str(path.relative_to(public)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "night"


@pytest.fixture
def second() -> Iterator[Installation]:
    """Where a backup is restored: nothing is there yet."""
    state = make_state_folder()
    place = Installation(state, demo="0")
    yield place
    if state.exists():
        place.stop()
        remove_state_folder(state)


def test_an_installation_made_from_a_backup_is_the_one_that_was_in_use(
    installation: Installation, second: Installation, folder: Path, people: People
) -> None:
    name = f"ada{secrets.token_hex(3)}"
    password = people.make(name, ("/tenants/rietberg/analyst",))
    with Writer(installation, name, password) as writer:
        before = writer.acknowledged
        said = installation.run("backup", "--homes", str(folder))
        assert writer.acknowledged > before  # nobody waited for it
        fixed = {table: digest(installation, table) for table in COMPARED if table != TABLE}
        shown, pages = show(installation), list_pages(installation)
    assert "keep it as safe as the installation" in said
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))} == {0}
    assert read_status(installation)["healthy"]

    said = second.run("restore", str(folder))
    assert "were read and are whole" in said
    second.start()
    assert {table: digest(second, table) for table in fixed} == fixed
    assert before <= count(second) - 1 <= writer.acknowledged
    assert show(second) == shown
    assert list_pages(second) == pages
    assert "The audit log is whole" in second.run("audit", "verify")
    # People come back with their passwords, their rights and their files.
    with StaffSession(second, name, "rietberg", password) as staff:
        assert staff.run(READ.format(table="rietberg.footfall")).text.strip() == "1"
        assert staff.run(LOOK).text.strip() == "the night before"
        assert staff.run(READ.format(table="guetersloh.footfall")).error
    assert "Everything is in line." in second.run("apply")


def test_a_backup_that_is_killed_leaves_no_half_and_the_next_one_works(
    installation: Installation, folder: Path
) -> None:
    (folder.with_name("night.part")).mkdir()
    (folder.with_name("night.part") / ".unfinished").touch()
    installation.run("backup", str(folder))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["night"]
    assert not list((installation.settings.state / "engine" / "backups").iterdir())
    said = installation.run("backup", str(folder), code=1)
    assert "exists already" in said
    said = installation.run("restore", str(folder), code=1)
    assert "is not empty" in said
