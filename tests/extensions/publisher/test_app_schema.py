"""The schema that editors use for `app.yaml` says what the publisher takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from urbanlab.contract.publications import TOPICS
from urbanlab_services.publisher.applications import KEYS, ApplicationError, parse_application
from urbanlab_services.publisher.parameters import KINDS

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
SCHEMA: dict[str, Any] = json.loads((NOTEBOOKS / "app.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
RANGE = {"name": "days", "kind": "integer", "min": 1, "max": 90, "default": 30}


def test_it_knows_the_same_words() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    properties = SCHEMA["properties"]
    assert list(properties) == list(KEYS)
    assert properties["topics"]["items"]["enum"] == list(TOPICS)
    assert properties["parameters"]["items"]["properties"]["kind"]["enum"] == list(KINDS)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.rglob("app.yaml")), ids=lambda path: path.parent.name)
def test_the_curated_pages_hold_to_it(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    VALIDATOR.validate(values)
    parse_application(values)


@pytest.mark.parametrize(
    ("values", "is_right"),
    [
        ({"title": "T", "parameters": [{"name": "x", "choices": ["a", {"value": "b", "title": "B"}]}]}, True),
        ({"title": "T", "parameters": [RANGE], "topics": ["TRAN"], "files": ["a.csv"]}, True),
        ({"title": "T", "embed_in": ["https://www.herford.example"], "pictures_in_text": True}, True),
        ({}, False),
        ({"title": "T", "titel": "T"}, False),
        ({"title": "T", "topics": ["X"]}, False),
        ({"title": "T", "parameters": [{"choices": ["a"]}]}, False),
        ({"title": "T", "expires": "31.12.2030"}, False),
        ({"title": "T", "slug": "A b"}, False),
    ],
)
def test_both_take_and_refuse_the_same(values: dict[str, Any], is_right: bool) -> None:
    assert VALIDATOR.is_valid(values) is is_right
    if is_right:
        parse_application(values)
    else:
        with pytest.raises(ApplicationError):
            parse_application(values)
