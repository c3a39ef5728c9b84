"""Homes of a tenant that declares its own limits: shared folders, quota, trash, idle servers, what is allowed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.installation import Installation
from urbanlab.contract import environment
from urbanlab.contract.records import read_tenants, write_tenant

from .login import StaffSession
from .operator_access import wait_until
from .people import People, own_tenant

TENANT = "werkstatt"
DECLARED = {
    "idle_minutes": 60,
    "undelete_days": 3,
    "quotas": {"home_mb": 20},
    "shared_folders": {"karten": {"writers": ["steward"]}},
    "allow": ["pip", "terminals", "git"],
}
KARTEN = "Gemeinsame Ordner/karten"
MB = 1024 * 1024

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


@pytest.fixture(scope="module")
def passwords(installation: Installation) -> Iterator[dict[str, str]]:
    """A steward and an analyst of a tenant with limits of its own; name -> password."""
    people = People(installation)
    with own_tenant(installation, TENANT, **DECLARED):
        try:
            roles = ("steward", "analyst")
            yield {role: people.make(f"{role}-{TENANT}", (f"/tenants/{TENANT}/{role}",)) for role in roles}
        finally:
            people.remove()


@pytest.fixture(scope="module")
def steward(installation: Installation, passwords: dict[str, str]) -> Iterator[StaffSession]:
    with StaffSession(installation, f"steward-{TENANT}", password=passwords["steward"]) as session:
        session.run("1")
        yield session


@pytest.fixture(scope="module")
def analyst(installation: Installation, passwords: dict[str, str]) -> Iterator[StaffSession]:
    with StaffSession(installation, f"analyst-{TENANT}", password=passwords["analyst"]) as session:
        session.run("1")
        yield session


@pytest.fixture(scope="module")
def stranger(installation: Installation) -> Iterator[StaffSession]:
    """Somebody of another tenant, which allows nothing beyond notebooks."""
    with StaffSession(installation, "steward-detmold") as session:
        session.run("1")
        yield session


@needs_root
def test_writers_share_and_readers_read(
    steward: StaffSession, analyst: StaffSession, stranger: StaffSession, installation: Installation
) -> None:
    steward.upload(f"{KARTEN}/hochgeladen.txt", b"von der Datenpflege")
    written = steward.run(f"open('{KARTEN}/aus dem Notebook.txt', 'w').write('im Notebook')")
    assert not written.error
    steward.upload("mein.txt", b"erst privat")
    moved = steward.ask_server("PATCH", "api/contents/mein.txt", json={"path": f"{KARTEN}/verschoben.txt"})
    assert moved.status_code == 200, moved.text

    names = ("hochgeladen", "aus dem Notebook", "verschoben")
    read = analyst.ask_json(
        f"import json; print(json.dumps([open('{KARTEN}/%s.txt' % n).read() for n in {names}]))"
    )
    assert read == ["von der Datenpflege", "im Notebook", "erst privat"]
    assert "PermissionError" in analyst.run(f"open('{KARTEN}/neu.txt', 'w')").error
    assert "PermissionError" in analyst.run(f"open('{KARTEN}/verschoben.txt', 'a')").error
    place = installation.settings.shared / TENANT
    for path in (place, place / "karten", place / "karten" / "verschoben.txt"):
        assert "PermissionError" in stranger.run(f"import os; os.stat({str(path)!r} + '/.')").error


def test_the_home_has_a_limit_and_a_trash(analyst: StaffSession) -> None:
    model = {"type": "file", "format": "base64", "content": base64.b64encode(os.urandom(8 * MB)).decode()}
    statuses = [
        analyst.ask_server("PUT", f"api/contents/{name}.bin", json=model).status_code
        for name in ("a", "b", "c")
    ]
    assert (statuses[0], statuses[-1]) == (201, 507)
    analyst.ask_server("DELETE", "api/contents/a.bin").raise_for_status()
    listed = analyst.ask_server("GET", "api/contents/Papierkorb").json()
    assert [entry["name"] for entry in listed["content"]] == ["a.bin"]
    back = analyst.ask_server("PATCH", "api/contents/Papierkorb/a.bin", json={"path": "a.bin"})
    assert back.status_code == 200
    for name in ("a.bin", "b.bin", "Papierkorb"):
        analyst.ask_server("DELETE", f"api/contents/{name}").raise_for_status()
    assert analyst.ask_server("PUT", "api/contents/c.bin", json=model).status_code == 201


def test_a_package_of_ones_own_is_installed_where_the_tenant_allows_it(analyst: StaffSession) -> None:
    analyst.upload("ulprobe-1.0-py3-none-any.whl", _make_wheel())
    result = analyst.run("%pip install ./ulprobe-1.0-py3-none-any.whl")
    assert "Successfully installed ulprobe" in result.text, result
    assert analyst.run("import ulprobe; ulprobe.ANSWER").text == "42"
    where = analyst.run("print(ulprobe.__file__)").text
    assert "/.local/urbanlab/lib/" in where
    assert analyst.run("!git --version").text.startswith("git version") or not _has_git()


def _make_wheel() -> bytes:
    files = {
        "ulprobe.py": "ANSWER = 42\n",
        "ulprobe-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: ulprobe\nVersion: 1.0\n",
        "ulprobe-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files["ulprobe-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return content.getvalue()


def _has_git() -> bool:
    return any(Path(folder, "git").exists() for folder in ("/usr/local/bin", "/usr/bin", "/bin"))


@pytest.mark.parametrize("line", ["%pip install ulprobe", "!pip install ulprobe", "!git status"])
def test_what_is_not_allowed_says_whom_to_ask(stranger: StaffSession, line: str) -> None:
    text = stranger.run(line).text
    assert "in Detmold nicht freigegeben" in text
    assert "ask the administrator" in text


def test_terminals_are_there_where_the_tenant_allows_them(
    analyst: StaffSession, stranger: StaffSession
) -> None:
    opened = analyst.ask_server("POST", "api/terminals", json={})
    assert opened.status_code == 200
    analyst.ask_server("DELETE", f"api/terminals/{opened.json()['name']}")
    assert stranger.ask_server("POST", "api/terminals", json={}).status_code == 404


def test_nothing_that_was_installed_becomes_part_of_the_server(analyst: StaffSession) -> None:
    """The server holds the hub token, and its libraries are the product's."""
    code = (
        "import json, os, pathlib; server = pathlib.Path(f'/proc/{os.getppid()}');"
        "print(json.dumps((server / 'cmdline').read_text().split('\\0')))"
    )
    assert analyst.ask_json(code)[1:4] == ["-I", "-m", "urbanlab_lab"]


def test_a_server_that_nobody_uses_is_ended_and_others_stay(
    installation: Installation, analyst: StaffSession, stranger: StaffSession, tmp_path: Path
) -> None:
    """The real culler, beside the installation's own, which is told that the tenant's servers are idle at once."""
    tenant = read_tenants(installation.settings.records)[TENANT]
    write_tenant(tmp_path, type(tenant)(**{**vars(tenant), "idle_minutes": -60}))
    (tmp_path / "service-culler").write_text(installation.secret("service-culler") + "\n")
    variables = {
        environment.PORT: "0",
        environment.HUB_API_URL: installation.settings.hub_api_url,
        environment.RECORDS: str(tmp_path),
        environment.SECRETS: str(tmp_path),
    }
    analyst.leave_kernel()
    command = [sys.executable, "-m", "urbanlab_services.culler"]
    culler = subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: not _has_server(analyst), 20)
    finally:
        culler.terminate()
        assert culler.wait(10) == 0
    assert _has_server(stranger)
    page = analyst.session.get(f"{analyst.prefix}lab", timeout=30)
    assert page.status_code in (424, 503)
    assert 'id="why-ended"' in page.text


def _has_server(staff: StaffSession) -> bool:
    model = staff.ask_hub("GET", f"users/{quote(staff.hub_user)}").json()
    return bool(model.get("servers"))


def test_the_culler_may_see_and_stop_servers_and_nothing_else(installation: Installation) -> None:
    from .operator_access import ask_as_service

    assert ask_as_service(installation, "culler", "GET", "users").status_code == 200
    model = json.dumps(ask_as_service(installation, "culler", "GET", "users").json())
    assert '"groups"' not in model and '"auth_state"' not in model and '"roles"' not in model
    for method, path in (
        ("GET", "groups"),
        ("GET", "services"),
        ("GET", "users/analyst-detmold@detmold/tokens"),
        ("POST", "users/analyst-detmold@detmold/tokens"),
        ("POST", "users/analyst-detmold@detmold/server"),
        ("DELETE", "users/analyst-detmold@detmold"),
        ("GET", "proxy"),
    ):
        assert ask_as_service(installation, "culler", method, path).status_code in (403, 404), path
