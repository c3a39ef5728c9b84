"""What looks secret is found in every kind of cell, is never repeated, and ordinary code is left alone."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urbanlab_services.publisher.bundles import parse_notebook
from urbanlab_services.publisher.leaked_secrets import LeakError, check_no_secrets, find_kind
from urbanlab_services.publisher.web.languages import load_language

from .conftest import make_notebook

# Put together here, so that no scanner takes this file for a leak.
KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"
JWT = ".".join(["eyJhbGciOiJFZERTQSJ9", "eyJzdWIiOiJhbm5hIn0xx", "c2lnbmF0dXJlMTIzNDU2"])
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (KEY, "a private key"),
        (f"headers = {{'Authorization': 'Bearer {JWT}'}}", "a signed token (JWT)"),
        (f"old-{JWT}", "a signed token (JWT)"),
        (f"x = '{GITHUB}'", "an access token"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "a cloud access key"),
        ("engine = create_engine('postgresql://anna:hunter22@db/x')", "a password in an address"),
        ("connect(password='geheimnis')", "a password or token in the code"),
        ('settings["api_key"] = "8f3a7c21be904d55"', "a password or token in the code"),
        ('{"client_secret": "8f3a7c21be904d55"}', "a password or token in the code"),
        ("KENNWORT: str = 'Sommer2026'", "a password or token in the code"),
    ],
)
def test_what_looks_secret_is_named(line: str, kind: str) -> None:
    assert find_kind(line) == kind
    assert find_kind(f"  {line}  # of the old system") == kind


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['DB_PASSWORD']",
        "password = getpass.getpass()",
        "token = 'nordsued'",
        "tokens = text.split('token12345')",
        "password = '<your password>'",
        "password = '********'",
        "api_key = 'change-me-please-1'",
        "secret = f'{prefix}-{number}'",
        "see https://www.herford.example:8443/a@b and mail anna@town.example",
        "sensor = 'north'  # the key of the sensor",
        "password = 'geheimnis'  # no secret",
    ],
)
def test_ordinary_code_is_left_alone(line: str) -> None:
    assert find_kind(line) == ""


def test_all_cells_are_looked_at_and_nothing_is_repeated() -> None:
    notebook = json.loads(make_notebook("x = 1", f"# old\ny = '{GITHUB}'"))
    svg = base64.b64encode(f"<svg><!-- {KEY} --></svg>".encode()).decode()
    attached = {"attachments": {"plan.svg": {"image/svg+xml": svg}}}
    text = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "Plan", **attached}
    notebook["cells"].append(text)
    with pytest.raises(LeakError) as caught:
        check_no_secrets(parse_notebook(json.dumps(notebook).encode()))
    said = caught.value.message
    assert said.startswith("Cell 2, line 2 looks like an access token:") and said.endswith("too: 3.")
    assert GITHUB[4:12] not in said
    assert (
        load_language("de").translate(said).startswith("Zelle 2, Zeile 2 sieht nach einem Zugangstoken aus")
    )


def test_both_ends_of_a_sentence_are_there_in_german() -> None:
    german = load_language("de")
    for sources in (["password = 'geheimnis'"], ["password = 'geheimnis'"] * 2, [KEY], [KEY, KEY]):
        with pytest.raises(LeakError) as caught:
            check_no_secrets(parse_notebook(make_notebook(*sources).encode()))
        translated = german.translate(caught.value.message)
        assert translated.startswith("Zelle 1, Zeile 1 sieht nach ") and " it " not in translated


@given(st.text(alphabet="abT0:/@'\"=.- _ey{}", max_size=2000))
def test_any_line_gives_an_answer(line: str) -> None:
    assert isinstance(find_kind(line), str)
