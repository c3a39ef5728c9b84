"""What the supervisor runs: whose account, which listeners, and no secret in a command or in the configuration."""

from __future__ import annotations

import configparser
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from urbanlab.contract import environment
from urbanlab_hub.settings import Settings, load_settings
from urbanlab_operate.errors import OperateError
from urbanlab_operate.local import programs, supervisor
from urbanlab_operate.local.folders import SERVICES
from urbanlab_operate.local.programs import Program, list_names, list_ports, make_programs
from urbanlab_operate.local.up import NEEDS

SECRET = "of-this-test-0123456789abcdef"


@pytest.fixture
def installed(settings: Settings) -> Settings:
    """Settings with a Keycloak to find and secrets that could leak."""
    (settings.state / "parts" / "keycloak" / "keycloak-0").mkdir(parents=True)
    for service in (*SERVICES, "."):
        folder = settings.service_secrets(service)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("keycloak-admin", "proxy-api-token", "kafka-broker"):
            (folder / name).write_text(SECRET)
    return dataclasses.replace(settings, parts=settings.state / "parts")


@pytest.fixture
def made(installed: Settings) -> dict[str, Program]:
    return {program.name: program for program in make_programs(installed, {})}


def test_every_program_has_its_needs_ports_and_folder(installed: Settings, made: dict[str, Program]) -> None:
    assert list(made) == list_names(installed) == list(NEEDS)
    assert all(program.folder == installed.service_state(name) for name, program in made.items())
    assert len(set(list_ports(installed).values())) == len(list_ports(installed)) == 14


def test_without_the_demo_nothing_simulates(installed: Settings) -> None:
    settings = dataclasses.replace(installed, demo=False)
    assert "simulator" not in {program.name for program in make_programs(settings, {})}
    assert "simulator_port" not in list_ports(settings)


def test_no_secret_is_in_a_command_an_environment_or_the_configuration(
    installed: Settings, made: dict[str, Program]
) -> None:
    text = supervisor.render_configuration(installed, made.values())
    assert SECRET not in text
    assert SECRET not in "".join(map(str, made.values()))
    assert "keycloak-admin" in text  # the file's name, read by the program's own account


def test_the_engine_is_told_of_no_secret_and_of_nobody_to_talk_to(made: dict[str, Program]) -> None:
    assert made["engine"].environment.keys() == {
        environment.SERVICE_STATE,
        environment.ENGINE_SOCKET,
        environment.RECORDS,
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs in accounts")
def test_as_root_the_engine_has_no_network_no_rights_and_its_own_groups(
    installed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "find_account_name", lambda uid: f"account-{uid}")
    accounts = {name: (70_000 + number, 70_000 + number) for number, name in enumerate(SERVICES[1:])}
    made = {program.name: program for program in make_programs(installed, accounts)}
    command = " ".join(made["engine"].command)

    assert "unshare --net --ipc" in command
    assert "--reuid=account-" in command
    # To let long statements step back and undo it, where root may do that itself; nothing else.
    kept = command.partition("--inh-caps=")[2].split()[0]
    assert kept in ("-all", "-all,+sys_nice")
    assert f"--init-groups --no-new-privs --inh-caps={kept} --bounding-set={kept}" in command
    assert "--inh-caps=-all --bounding-set=-all --" in " ".join(made["audit"].command)
    assert {name for name, program in made.items() if program.account is None} == {"hub", "engine", "audit"}
    assert all("--no-new-privs" in made[name].command for name in set(made) - {"hub"})


def test_every_service_gets_the_variables_of_the_contract(made: dict[str, Program]) -> None:
    names = ("warehouse", "tokens", "ingest", "publisher", "simulator", "portal", "audit")
    given = {name: set(made[name].environment) for name in names}
    assert set.union(*given.values()) == set(environment.SERVICE_VARIABLES)
    assert not {environment.RECORDS, environment.HUB_API_URL, environment.WAREHOUSE_URL} & given["portal"]


def test_the_hub_reads_the_settings_that_the_operator_has(
    installed: Settings, made: dict[str, Program]
) -> None:
    changed = dataclasses.replace(installed, demo=False, public_url="https://lab.example", subdomains=True)
    for settings in (installed, changed):
        assert load_settings(programs.make_settings_environment(settings)) == settings
    assert made["hub"].keeps_children


def test_the_proxy_tells_host_names_apart_where_users_have_their_own(installed: Settings) -> None:
    for subdomains in (True, False):
        changed = dataclasses.replace(installed, subdomains=subdomains)
        proxy = next(program for program in make_programs(changed, {}) if program.name == "proxy")
        assert ("--host-routing" in proxy.command) is subdomains


@pytest.mark.parametrize("program", ["with space", "with%percent", "100%(here)s"])
def test_paths_with_odd_characters_arrive_as_they_are(settings: Settings, program: str) -> None:
    folder = settings.state / program
    made = Program("odd", ("echo", str(folder)), folder, environment={"NAME": str(folder)})
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(supervisor.render_configuration(settings, [made]))
    section = dict(parser["program:odd"])

    assert section["directory"] % {} == str(folder)
    assert section["command"] % {} == f'"echo" "{folder}"'
    assert f'NAME="{folder}"' in section["environment"] % {}


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "a ;b", "a #b"])
def test_what_the_configuration_cannot_say_is_refused(settings: Settings, text: str) -> None:
    with pytest.raises(OperateError, match="choose a plainer name"):
        supervisor.render_configuration(settings, [Program("odd", ("echo", text), settings.state)])


def test_a_secret_comes_into_the_environment_of_the_program_alone(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET + "\n")
    show = "import json, os; print(json.dumps([os.environ['PASSWORD'], open('/proc/self/cmdline').read()]))"
    module = [sys.executable, "-P", "-m", "urbanlab_operate.local.with_secrets"]
    command = [*module, f"PASSWORD={tmp_path / 'password'}", "--", sys.executable, "-c", show]
    value, line = json.loads(subprocess.run(command, capture_output=True, check=True, cwd="/").stdout)

    assert value == SECRET
    assert SECRET not in line
