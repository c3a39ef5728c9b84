"""`urbanlab show` shows no secret, `urbanlab check` names what cannot be used."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from urbanlab_hub.settings import Settings
from urbanlab_operate.check import find_problems
from urbanlab_operate.local.installation_secrets import HOLDERS, ensure_secrets
from urbanlab_operate.show import render_configuration


@pytest.fixture
def started(settings: Settings, installation: str) -> Settings:
    """Settings of an installation that has its secrets."""
    settings.master_secrets.mkdir(parents=True)
    for service in {service for services in HOLDERS.values() for service in services}:
        settings.service_secrets(service).mkdir(parents=True)
    (settings.state / "installation").write_text(installation + "\n")
    ensure_secrets(settings)
    return settings


def test_secrets_are_stars(started: Settings) -> None:
    text = render_configuration(started)
    shown = yaml.safe_load(text)

    assert set(shown["secrets"]) == set(HOLDERS)
    assert set(shown["secrets"].values()) == {"**********"}
    values = [path.read_text().strip() for path in started.master_secrets.iterdir()]
    assert len(values) == len(HOLDERS)
    assert not any(value in text for value in values)


def test_settings_and_tenants_are_shown_resolved(settings: Settings) -> None:
    shown = yaml.safe_load(render_configuration(settings))

    assert set(shown["settings"]) == {spec.name for spec in dataclasses.fields(Settings)}
    assert shown["settings"]["hub_port"] == settings.hub_port
    assert shown["addresses"]["hub_url"] == settings.hub_url
    assert len(shown["tenants"]) == 3
    assert shown["secrets"] == {}


def test_the_demo_can_be_used(settings: Settings) -> None:
    assert find_problems(settings) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hub_port": 7000, "kafka_port": 7000}, "Port 7000 is given twice"),
        (
            {"tls_key": "/nowhere.pem", "tls_certificate": "/nowhere.crt"},
            "tls_key names /nowhere.pem, which is no",
        ),
        ({"tls_certificate": "/nowhere.crt"}, "tls_certificate and tls_key belong together"),
        ({"bind": "0.0.0.0"}, "others reach the hub without encryption"),
        ({"public_url": "http://lab.example", "subdomains": True}, "browsers must reach the hub by https"),
        ({"public_url": "https://lab.example"}, "set subdomains"),
        ({"public_url": "https://lab.example"}, "give keycloak_public_url"),
        ({"bind": "192.0.2.1"}, "set subdomains"),
    ],
)
def test_what_cannot_be_used_is_said(settings: Settings, changes: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in find_problems(dataclasses.replace(settings, **changes)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("populaton: 1", "herford.yaml:2: populaton is unknown; did you mean population?"),
        ("quota: {servers: 3}", "herford.yaml:2: quota is unknown; did you mean quotas?"),
        ("quotas:\n  server: 3", "herford.yaml:3: quotas.server is unknown; did you mean servers?"),
        ("second_factors: []", "herford.yaml:2: second_factors is unknown; did you mean second_factor?"),
        ("allow: [shell]", "herford.yaml:2: allow.0 is 'shell' but must be one of pip, terminals, git"),
        (
            "host_names: [minden.example]",
            "minden.yaml:2: host_names.0 is minden.example, which herford has",
        ),
    ],
)
def test_check_says_file_line_key_and_what_was_meant(
    settings: Settings, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "herford.yaml").write_text(f"title: Herford\n{text}\n")
    (tmp_path / "minden.yaml").write_text("title: Minden\nhost_names: [minden.example]\n")

    (problem,) = find_problems(dataclasses.replace(settings, tenants=tmp_path))
    assert problem.startswith(said)


def test_what_a_tenant_declares_is_shown_with_its_defaults(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "herford.yaml").write_text("title: Herford\nquotas: {servers: 3}\n")
    shown = yaml.safe_load(render_configuration(dataclasses.replace(settings, tenants=tmp_path)))

    tenant = shown["tenants"]["herford"]
    assert (tenant["quotas"]["servers"], tenant["quotas"]["memory_mb"]) == (3, 4096)
    assert tenant["second_factor"] == ["gatekeeper", "admin"]


def test_a_broken_tenant_is_named_by_file_line_and_key(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "herford.yaml").write_text("title: Herford\npopulaton: 1\n")
    problems = find_problems(dataclasses.replace(settings, tenants=tmp_path))

    assert problems == ["herford.yaml:2: populaton is unknown; did you mean population?"]
