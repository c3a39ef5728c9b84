"""Logging in through Keycloak, and servers in accounts of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import requests

from tests.installation import Installation
from urbanlab.contract.environment import KERNEL_VARIABLES

from .login import (
    NotLoggedInError,
    StaffSession,
    answer_login,
    fill_in_form,
    login,
    make_browser_session,
)
from .operator_access import ask_as_service, has_hub_user, wait_until
from .people import People

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give servers accounts of their own")


# --- logging in ---


def test_a_person_becomes_a_hub_user_of_the_tenant_with_its_roles(installation: Installation) -> None:
    with StaffSession(installation, "analyst-guetersloh") as staff:
        model = staff.ask_hub("GET", "user").json()
    assert model["name"] == "analyst-guetersloh@guetersloh"
    assert model["groups"] == ["/tenants/guetersloh/analyst"]
    assert model["admin"] is False


def test_a_wrong_password_stays_at_the_form(installation: Installation) -> None:
    session, page = answer_login(installation, "analyst-detmold", password="not-this-one")
    assert page.url.startswith(installation.settings.keycloak_url)
    assert "kc-form-login" in page.text
    home = session.get(f"{installation.settings.hub_url}hub/home", timeout=30)
    assert home.url.startswith(installation.settings.keycloak_url)


def test_somebody_without_a_tenant_is_told_whom_to_ask(installation: Installation, people: People) -> None:
    password = people.make("newcomer")
    _, page = answer_login(installation, "newcomer", password=password)
    assert page.status_code == 403
    assert 'data-reason="no-tenant"' in page.text
    assert "Administration Ihrer Kommune" in page.text
    assert "administrator of your municipality" in page.text
    users = ask_as_service(installation, "operator", "GET", "users").json()
    assert not [user["name"] for user in users if user["name"].startswith("newcomer")]


def test_nobody_can_be_called_like_a_service_user(installation: Installation, people: People) -> None:
    group = find_group(people, "/tenants/guetersloh/analyst")
    password = people.make("reports", (group,))
    _, page = answer_login(installation, "reports", password=password)
    assert page.status_code == 403
    assert 'data-reason="name"' in page.text


def find_group(people: People, path: str) -> str:
    """Return the path if Keycloak knows the group."""
    answer = requests.get(f"{people.url}/group-by-path{path}", headers=people.headers, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["path"])


def test_a_person_in_two_tenants_chooses(installation: Installation) -> None:
    session, page = answer_login(installation, "analyst-multi")
    links = re.findall(r'href="([^"]*oauth_login[^"]*tenant=(\w+)[^"]*)"', page.text)
    assert sorted(tenant for _, tenant in links) == ["guetersloh", "rietberg"]
    chosen = next(link for link, tenant in links if tenant == "rietberg").replace("&amp;", "&")
    session.get(installation.settings.hub_url.rstrip("/") + chosen, timeout=30)
    model = session.get(f"{installation.settings.hub_url}hub/api/user", timeout=30)
    home = session.get(f"{installation.settings.hub_url}hub/home", timeout=30)
    assert "analyst-multi@rietberg" in home.text, model.text
    assert 'id="switch-tenant"' in home.text


@pytest.mark.parametrize("tenant", ["detmold", "atlantis", "guetersloh/analyst", "../guetersloh"])
def test_a_tenant_that_is_not_theirs_cannot_be_asked_for(installation: Installation, tenant: str) -> None:
    with pytest.raises(NotLoggedInError) as refused:
        login(installation, "analyst-multi", tenant)
    # The same answer, whether the tenant exists or not.
    assert refused.value.page.status_code == 403
    assert 'data-reason="other-tenant"' in refused.value.page.text
    assert "etmold" not in re.sub(r'value="[^"]*"|href="[^"]*"', "", refused.value.page.text)
    assert not has_hub_user(installation, f"analyst-multi@{tenant}")


def test_switching_the_tenant_asks_no_password_and_leaves_the_former_server(
    installation: Installation,
) -> None:
    with StaffSession(installation, "analyst-multi", "guetersloh") as staff:
        staff.start_server()
        assert staff.ask_server("GET", "api/contents").status_code == 200
        page = staff.session.get(f"{staff.hub_url}hub/login?tenant=rietberg", timeout=30)
        assert page.url.startswith(staff.hub_url)
        home = staff.session.get(f"{staff.hub_url}hub/home", timeout=30)
        assert "analyst-multi@rietberg" in home.text
        # The server keeps what the hub said for ten seconds at most.
        wait_until(lambda: staff.ask_server("GET", "api/contents").status_code != 200, 15)
        back = staff.session.get(f"{staff.hub_url}hub/login?tenant=guetersloh&next=%2Fhub%2Fhome", timeout=30)
        assert "analyst-multi@guetersloh" in back.text


@pytest.mark.parametrize("query", ["code=x&state=y", "state=y", "error=access_denied&state=y", ""])
def test_an_answer_to_no_question_is_refused_with_a_way_on(installation: Installation, query: str) -> None:
    address = f"{installation.settings.hub_url}hub/oauth_callback?{query}"
    page = make_browser_session().get(address, timeout=30)
    assert page.status_code == 400
    assert 'data-reason="expired"' in page.text
    assert "/hub/oauth_login" in page.text


def test_a_used_code_is_refused_with_a_way_on(installation: Installation) -> None:
    session = make_browser_session()
    form = session.get(f"{installation.settings.hub_url}hub/login", timeout=30)
    # As somebody who keeps the login page open until Keycloak has forgotten the code.
    state = re.search(r"state=([^&]+)", form.url)
    assert state
    page = session.get(
        f"{installation.settings.hub_url}hub/oauth_callback?state={state[1]}&code=used", timeout=30
    )
    assert page.status_code == 400
    assert 'data-reason="expired"' in page.text


def test_logging_out_ends_the_session_at_keycloak_without_a_question(installation: Installation) -> None:
    session = login(installation, "analyst-detmold")
    page = session.get(f"{installation.settings.hub_url}hub/logout", timeout=30)
    assert page.url == f"{installation.settings.hub_url}hub/logged-out"
    assert 'id="logged-out"' in page.text
    again = session.get(f"{installation.settings.hub_url}hub/login", timeout=30)
    assert "kc-form-login" in again.text
    assert fill_in_form(session, again, "analyst-detmold", installation.password("analyst-detmold")).ok


def test_a_session_cannot_mint_tokens(installation: Installation) -> None:
    with StaffSession(installation, "analyst-guetersloh") as staff:
        answer = staff.ask_hub("POST", f"users/{quote(staff.hub_user)}/tokens", json={"note": "mine"})
    assert answer.status_code == 403


# --- servers and kernels ---


@pytest.fixture(scope="module")
def staff(installation: Installation) -> Iterator[StaffSession]:
    """An analyst of one tenant with a running kernel."""
    with StaffSession(installation, "analyst-guetersloh") as session:
        session.run("1")
        yield session


@pytest.fixture(scope="module")
def neighbour(installation: Installation) -> Iterator[StaffSession]:
    """An analyst of another tenant with a running kernel, to be left in peace."""
    with StaffSession(installation, "analyst-rietberg") as session:
        session.run("1")
        yield session


def test_the_kernel_is_connected_with_nothing_to_configure(staff: StaffSession) -> None:
    names = staff.ask_json(
        "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('URBANLAB_')}))",
    )
    assert names["URBANLAB_TENANT"] == "guetersloh"
    assert names["URBANLAB_PERSON"] == "analyst-guetersloh"
    assert set(names) == set(KERNEL_VARIABLES)


@pytest.mark.parametrize("name", ["python3", "conda-base-py", "Python [conda env:base]"])
def test_a_notebook_of_an_absent_kernel_runs_on_ours(staff: StaffSession, name: str) -> None:
    channel = staff.open_kernel(name)
    assert channel.run("import urbanlab; print('hier')", 30).text == "hier\n"
    channel.close()
    staff.ask_server("DELETE", f"api/kernels/{channel.kernel_id}").raise_for_status()


def test_only_our_kernel_is_offered(staff: StaffSession) -> None:
    offered = staff.ask_server("GET", "api/kernelspecs").json()
    assert offered["default"] == "urbanlab"
    assert list(offered["kernelspecs"]) == ["urbanlab"]
    assert offered["kernelspecs"]["urbanlab"]["spec"]["display_name"] == "Urban Lab (Python)"


def test_curated_notebooks_are_there_and_read_only(staff: StaffSession) -> None:
    listed = staff.ask_server("GET", "api/contents/Kuratierte Notebooks").json()
    assert listed["type"] == "directory"
    assert listed["writable"] is (os.geteuid() != 0)


@needs_root
def test_each_server_has_an_account_and_a_home_of_its_own(
    staff: StaffSession, neighbour: StaffSession
) -> None:
    code = (
        "import os, json; home = os.environ['HOME'];"
        "print(json.dumps([os.getuid(), home, os.stat(home).st_mode & 0o777]))"
    )
    mine, theirs = staff.ask_json(code), neighbour.ask_json(code)
    assert mine[0] != theirs[0]
    assert 0 not in (mine[0], theirs[0])
    assert mine[1] != theirs[1]
    assert mine[2] == theirs[2] == 0o700


def test_kernels_talk_over_sockets_in_a_private_folder(staff: StaffSession) -> None:
    code = (
        "import ipykernel, json, os; from pathlib import Path;"
        "info = json.loads(Path(ipykernel.get_connection_file()).read_text());"
        "print(json.dumps([info['transport'], info['ip'], os.stat(Path(info['ip']).parent).st_mode & 0o777]))"
    )
    transport, address, mode = staff.ask_json(code)
    assert transport == "ipc"
    assert Path(address).is_absolute()
    assert mode == 0o700


def test_limits_hold_in_the_kernel(staff: StaffSession) -> None:
    code = (
        "import resource as r, json; status = open('/proc/self/status').read();"
        "print(json.dumps([r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_DATA), 'NoNewPrivs:\\t1' in status]))"
    )
    core, data, no_new_privileges = staff.ask_json(code)
    assert core == [0, 0]
    assert data[0] == data[1] > 0
    assert no_new_privileges


def find_hub(installation: Installation) -> psutil.Process:
    """Return the hub's process: the one that listens at its port."""
    port = installation.settings.hub_api_port
    pids = {
        entry.pid
        for entry in psutil.net_connections("tcp")
        if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid
    }
    return psutil.Process(pids.pop())


def test_restarting_the_hub_interrupts_no_kernel(installation: Installation, staff: StaffSession) -> None:
    assert not staff.run("kept = 'still here'").error
    hub = find_hub(installation)
    hub.kill()
    psutil.wait_procs([hub], timeout=10)
    # Connection and kernel go on while there is no hub.
    assert staff.run("print(kept)").text == "still here\n"
    wait_until(lambda: requests.get(f"{staff.hub_url}hub/api", timeout=30).ok, 60)
    assert staff.is_ready()
    assert staff.run("print(kept)").text == "still here\n"
    assert staff.ask_server("GET", "api/kernels").json()


def test_a_service_starts_the_tenants_report_server_and_no_other(installation: Installation) -> None:
    started = ask_as_service(installation, "reports", "POST", "users/reports@guetersloh/server")
    assert started.status_code in (201, 202), started.text
    wait_until(
        lambda: (
            ask_as_service(installation, "operator", "GET", "users/reports@guetersloh")
            .json()["servers"]
            .get("", {})
            .get("ready")
        )
    )
    stopped = ask_as_service(installation, "reports", "DELETE", "users/reports@guetersloh/server")
    assert stopped.status_code in (202, 204)
    other = ask_as_service(installation, "reports", "POST", "users/analyst-guetersloh@guetersloh/server")
    assert other.status_code in (403, 404)
