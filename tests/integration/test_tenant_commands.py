"""`urbanlab tenant remove --purge` and `add --restore` on the running product: nothing goes by accident."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from kafka import KafkaAdminClient

from tests.installation import COMMAND, Installation
from urbanlab.contract import naming
from urbanlab_hub.accounts import find_account
from urbanlab_operate.keycloak_realm import Realm
from urbanlab_operate.local.kafka import make_client_options

from .login import NotLoggedInError, StaffSession, login
from .operator_access import ask_as_service, has_hub_user, wait_until
from .people import People
from .test_apply import FEEDS

COMMON = (Path("/tmp"), Path("/dev/shm"))  # where everybody may write
SHARED = {"Pläne": {"writers": ["analyst"]}}


@pytest.fixture
def tenant(installation: Installation) -> Iterator[str]:
    """A tenant that is not there afterwards, whatever the test made of it."""
    name = f"p{secrets.token_hex(5)}"
    path = installation.settings.tenants / f"{name}.yaml"
    path.write_text(json.dumps({"title": "Vergänglich", "feeds": FEEDS, "shared_folders": SHARED}))
    installation.run("apply")
    yield name
    installation.run("tenant", "remove", name, "--purge", "--confirm", name, code=None)


def release(installation: Installation, tenant: str) -> str:
    """Release the tenant's feed as open data, as the publisher does; return its view."""
    words = {"title": {"de": "Pegel"}, "description": {}, "licence": "cc-zero", "released_by": "gerd"}
    answer = requests.put(
        f"{installation.settings.warehouse_url}/releases/{tenant}/level",
        json={"table": f"{tenant}.level", **words},
        headers={"Authorization": f"Bearer {installation.secret('warehouse-publisher')}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["view"])


def list_traces(installation: Installation, tenant: str) -> set[str]:
    """Return what names the tenant in each system and on the disk.

    Of tables that people dropped themselves the engine keeps the data for some minutes; that is its own affair.
    """
    settings = installation.settings
    realm = Realm(settings)
    with closing(KafkaAdminClient(**make_client_options(settings))) as admin:
        topics = {name for name in admin.list_topics() if tenant in name}
    users = ask_as_service(installation, "operator", "GET", "users?limit=200").json()
    data = settings.service_state("engine") / "data"
    installed = (settings.state / "installation").read_text().strip()
    accounts = [naming.make_account(f"{name}@{tenant}", installed) for name in ("nora", "publications")]
    return {
        *topics,
        *(client["clientId"] for client in realm.get("/clients") if tenant in client["clientId"]),
        *([f"/tenants/{tenant}"] if realm.get(f"/group-by-path/tenants/{tenant}") else []),
        *(user["name"] for user in users if tenant in user["name"]),
        *(account for account in accounts if find_account(account)),
        *(str(path) for path in settings.homes.iterdir() if path.name in accounts),
        *(str(path) for path in settings.state.glob(f"*/*{tenant}*")),
        *(str(path) for path in settings.state.glob(f"tenants/archive/{tenant}*")),
        *(str(path) for path in COMMON if (path / tenant).exists() and os.geteuid() == 0),
        *(str(path) for path in data.rglob(f"*{tenant}*") if path.parent.name != "metadata_dropped"),
    }


@pytest.mark.timeout(300)
def test_a_purge_shows_asks_deletes_everything_and_can_be_resumed(
    installation: Installation, people: People, tenant: str
) -> None:
    password = people.make("nora", (f"/tenants/{tenant}/analyst",))
    with StaffSession(installation, "nora", tenant, password) as nora:
        made = nora.run("import urbanlab as ul, pandas as pd; ul.load(pd.DataFrame({'n': [1]}), 'kept')")
        assert not made.error, made.error
        made = nora.run(f"for path in {[str(path / tenant) for path in COMMON]}: open(path, 'w').close()")
        assert not made.error, made.error
        view = release(installation, tenant)

        said = installation.run("tenant", "remove", tenant, "--purge", code=1)
        assert f"the database lab_{tenant} with 1 tables and views" in said
        assert f"the view {view}, which shows others its data" in said
        assert f"the topic {tenant}.level.rejected (" in said
        assert f"the group /tenants/{tenant} of Keycloak with the roles of 1 people" in said
        assert f"of nora@{tenant}" in said
        assert f"Nothing was deleted. To delete the {len(said.splitlines()) - 1} things listed above" in said
        refused = installation.run("tenant", "remove", tenant, "--purge", "--confirm", "nora", code=1)
        assert "Nothing was deleted" in refused
        assert nora.run(f"ul.query('SELECT n FROM lab_{tenant}.kept')['n'].item()").text == "1"
        before = list_traces(installation, tenant)

        kill_after(installation, tenant, f"deleted the topic {tenant}.")
        left = {trace for trace in list_traces(installation, tenant) if "/archive/" not in trace}
        assert left < before
        assert left

    said = installation.run("tenant", "remove", tenant, "--purge", "--confirm", tenant)
    assert f"of nora@{tenant}" in said
    assert "the database" not in said
    assert list_traces(installation, tenant) == set()
    with pytest.raises(NotLoggedInError):
        login(installation, "nora", password=password)
    assert "nothing is left of one" in installation.run("tenant", "remove", tenant, "--purge", code=1)
    assert "Everything is in line." in installation.run("apply")

    installation.run("tenant", "add", tenant, "--title", "Neu")
    assert not has_hub_user(installation, f"nora@{tenant}")


def kill_after(installation: Installation, tenant: str, moment: str) -> None:
    """Purge, and kill the command at its first line that begins so."""
    command = [COMMAND, "tenant", "remove", tenant, "--purge", "--confirm", tenant]
    with subprocess.Popen(command, env=installation.environ(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(moment):
                process.kill()
                break
    assert process.returncode == -9, said


def test_a_removed_tenant_comes_back_as_it_was_and_not_by_accident(
    installation: Installation, people: People, tenant: str
) -> None:
    password = people.make("nora", (f"/tenants/{tenant}/analyst",))
    with StaffSession(installation, "nora", tenant, password) as nora:
        made = nora.run(
            "import urbanlab as ul, pandas as pd; open('kept.txt', 'w').write('kept')\n"
            "ul.load(pd.DataFrame({'n': [1]}), 'kept')"
        )
        assert not made.error, made.error
        assert "Vergänglich" in installation.run("tenant", "list")
        assert "no data was deleted" in installation.run("tenant", "remove", tenant)
        wait_until(lambda: nora.ask_server("GET", "api/kernels").status_code != 200)
    assert tenant not in installation.run("tenant", "list")
    assert f"{tenant:<21} Vergänglich, removed 20" in installation.run("tenant", "list", "--archived")
    said = installation.run("tenant", "add", tenant, "--title", "Other", code=1)
    assert f"`urbanlab tenant add {tenant} --restore` brings it back" in said
    assert "Everything is in line." in installation.run("apply")

    assert "brought back" in installation.run("tenant", "add", tenant, "--restore")
    with StaffSession(installation, "nora", tenant, password) as again:
        assert again.run("open('kept.txt').read()").text == "'kept'"
        read = again.run(f"import urbanlab as ul; ul.query('SELECT n FROM lab_{tenant}.kept')['n'].item()")
        assert (read.text, read.error) == ("1", "")
    assert tenant not in installation.run("tenant", "list", "--archived")
    assert "No tenant" in installation.run("tenant", "add", tenant, "--restore", code=1)


def test_at_a_terminal_the_tenants_id_is_typed(installation: Installation, tenant: str) -> None:
    record = installation.settings.records / f"{tenant}.json"
    for typed in ("yes\n", f"{tenant}2\n", "\x04"):
        assert purge_at_terminal(installation, tenant, typed) == 1
        assert record.exists()
    assert purge_at_terminal(installation, tenant, f"{tenant}\n") == 0
    assert not record.exists()


def purge_at_terminal(installation: Installation, tenant: str, typed: str) -> int:
    """Purge as somebody who types at a terminal; return the exit code."""
    ours, theirs = pty.openpty()
    command = [COMMAND, "tenant", "remove", tenant, "--purge"]
    try:
        with subprocess.Popen(
            command, env=installation.environ(), stdin=theirs, stdout=subprocess.PIPE, text=True
        ) as process:
            os.write(ours, typed.encode())
            said, _ = process.communicate(timeout=90)
    finally:
        os.close(ours)
        os.close(theirs)
    assert f"Type {tenant} to delete: " in said
    return process.returncode
