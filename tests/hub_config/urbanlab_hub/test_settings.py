"""Settings: file and environment, what is refused and how it is said."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from urbanlab_hub.settings import CHECKOUT, Settings, SettingsError, load_settings


def _load(state: Path, text: str = "", **environ: str) -> Settings:
    if text:
        (state / "settings.yaml").write_text(text, encoding="utf-8")
    return load_settings(
        {"URBANLAB_STATE": str(state), **{f"URBANLAB_{name}": environ[name] for name in environ}}
    )


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = _load(tmp_path)

    assert dataclasses.replace(settings, state=Settings.state, tenants=Settings.tenants) == Settings()
    assert (settings.tenants, settings.hub_url) == (tmp_path / "tenants", "http://127.0.0.1:8000/")


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    settings = _load(
        tmp_path, "hub_port: 8100\ndemo: no\ntokens_port: 8500\nbind:\n", HUB_PORT="8200", TOKENS_PORT=""
    )

    assert (settings.hub_port, settings.demo, settings.tokens_port) == (8200, False, 8500)
    assert settings.bind == "127.0.0.1"  # a name with nothing behind it


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
def test_what_means_no(tmp_path: Path, text: str) -> None:
    assert _load(tmp_path, DEMO=text).demo is False


@pytest.mark.parametrize(
    ("file", "environ", "said"),
    [
        ("hub_prot: 1\n", {}, "unknown settings: hub_prot"),
        ("12: 1\n", {}, "unknown settings: 12"),
        ("- hub_port\n", {}, "must be a list of settings with values"),
        ("a: [\n", {}, "is no YAML"),
        ("hub_port: eight\n", {}, "hub_port is 'eight': write a whole number"),
        ("", {"HUB_PORT": "²"}, "hub_port is '²': write a whole number"),
        ("", {"HUB_PORT": "65536"}, "hub_port is 65536: write a port between 1 and 65535"),
        ("", {"KAFKA_PORT": "0"}, "kafka_port is 0: write a port"),
        ("live_views: 0\n", {}, "live_views is 0: write 1 to 60"),
        ("", {"LIVE_VIEWS": "61"}, "live_views is 61: write 1 to 60"),
        ("", {"DEMO": "maybe"}, "demo is 'maybe': write true or false"),
        ("", {"BASE_URL": "lab"}, "base_url is 'lab': it must begin and end with a slash"),
        (
            "",
            {"SERVERS_BIND": "127.0.0.1"},
            "servers_bind is '127.0.0.1': it must be a host that has no pages",
        ),
        ("", {"PUBLIC_URL": "lab.example"}, "public_url is 'lab.example': it must begin with https://"),
        ("", {"PUBLIC_URL": "https://lab.example/town"}, "a path is base_url's"),
        ("", {"KEYCLOAK_PUBLIC_URL": "https://me@login.example"}, "write scheme, host and port alone"),
        (
            "",
            {"TRUSTED_PROXIES": "10.0.0.1/8"},
            "trusted_proxies cannot be read: 10.0.0.1/8 has host bits set",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, file: str, environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, file, **environ)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is no YAML"):
        _load(tmp_path)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"BASE_URL": "/lab/"}, "http://127.0.0.1:8000/lab/"),
        ({"TLS_CERTIFICATE": "c.pem"}, "https://127.0.0.1:8000/"),
        ({"PUBLIC_URL": "https://lab.example/", "BASE_URL": "/x/"}, "https://lab.example/x/"),
        ({"SUBDOMAINS": "1"}, "http://localhost:8000/"),
        ({"SUBDOMAINS": "1", "PUBLIC_URL": "https://lab.example"}, "https://lab.example/"),
    ],
)
def test_the_address_of_the_hub(tmp_path: Path, environ: dict[str, str], url: str) -> None:
    assert _load(tmp_path, **environ).hub_url == url


def test_relative_paths_become_absolute_and_every_setting_has_a_sentence(tmp_path: Path) -> None:
    settings = _load(tmp_path, PARTS="parts", TENANTS="towns")

    assert settings.parts.is_absolute()
    assert settings.tenants.is_absolute()
    assert all(spec.metadata["help"].endswith(".") for spec in dataclasses.fields(Settings))


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    text = (CHECKOUT / "hub_config" / "settings.example.yaml").read_text(encoding="utf-8")
    shown = _load(tmp_path, re.sub(r"^# ?(\w+:)", r"\1", text, flags=re.MULTILINE))
    folders = {"state": Settings.state, "parts": Settings.parts, "tenants": Settings.tenants}

    assert dataclasses.replace(shown, **folders) == Settings()  # type: ignore[arg-type]
