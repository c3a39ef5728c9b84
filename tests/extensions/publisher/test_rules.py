"""The rules by themselves: applications, parameters, addresses, durations, notebooks, requests, credentials."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import date
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from urbanlab.contract.publications import check_slug, make_variant
from urbanlab.contract.ranges import check_values
from urbanlab_services.errors import InvalidRequestError, UnauthenticatedError
from urbanlab_services.publisher import publications
from urbanlab_services.publisher.actors import Actor
from urbanlab_services.publisher.applications import (
    ApplicationError,
    application_from_dict,
    make_slug,
    parse_app_yaml,
    parse_application,
)
from urbanlab_services.publisher.bundles import BundleError, check_parameters, parse_notebook
from urbanlab_services.publisher.credentials import Authenticator
from urbanlab_services.publisher.data_releases import parse_request
from urbanlab_services.publisher.parameters import (
    count_variants,
    find_variant,
    fix_defaults,
    list_variants,
    parse_parameters,
    to_notebook_values,
)
from urbanlab_services.publisher.publications import Failure, State, Submission

from .conftest import make_notebook

AT = "2026-03-01T12:00:00.000+00:00"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Fußgänger in der Königstraße – 2026", "fussgaenger-in-der-koenigstrasse-2026"),
        ("A\u0308pfel", "aepfel"),
        ("Café   Zoë!", "cafe-zoe"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 80, "x" * 60),
        ("日本", ""),
    ],
)
def test_an_address_is_made_from_the_title(title: str, slug: str) -> None:
    assert make_slug(title) == slug


@given(st.text())
def test_whatever_the_title_the_address_can_stand_in_one_or_is_none(title: str) -> None:
    slug = make_slug(title)
    assert slug == "" or slug in {"data", "live", "files", "static"} or check_slug(slug) == slug


def test_an_application_is_completed() -> None:
    application = parse_application({"title": " Fuß\n gänger ", "refresh": "PT15M", "summary": None})
    assert (application.title, application.slug, application.language) == ("Fuß gänger", "fuss-gaenger", "de")
    assert application.licence == "dl-de/zero-2.0"
    assert (application.topics, application.embed_in) == ((), ())
    assert application_from_dict(json.loads(json.dumps(dataclasses.asdict(application)))) == application


@pytest.mark.parametrize("given", [["TRAN", "ENVI", "TRAN"], "TRAN ENVI", " TRAN,ENVI,\n", ("TRAN", "ENVI")])
def test_topics_are_a_list_or_words(given: object) -> None:
    assert parse_application({"title": "x", "topics": given}).topics == ("TRAN", "ENVI")


@pytest.mark.parametrize(
    ("values", "field", "problem"),
    [
        ({}, "title", "is missing"),
        ({"title": "x", "topics": ["traffic"]}, "topics", "has 'traffic'; known are AGRI"),
        ({"title": "x", "topics": {"TRAN": 1}}, "topics", "must be a list of words"),
        ({"title": "x", "embed_in": ["http://a.example"]}, "embed_in", "write web sites without a path"),
        ({"title": "x", "embed_in": ["https://a.example/x"]}, "embed_in", "write web sites without a path"),
        ({"title": "x", "embed_in": ["https://*.example"]}, "embed_in", "write web sites without a path"),
        ({"title": "x", "embed_in": ["https://a.example'"]}, "embed_in", "write web sites without a path"),
        (
            {"title": "x", "embed_in": [f"https://a{n}.example" for n in range(11)]},
            "embed_in",
            "has 11; at most",
        ),
        ({"title": "x", "titel": "y"}, "titel", "is not known; known are title"),
        ({"title": 3}, "title", "must be text"),
        ({"title": "a\u202eb"}, "title", "cannot be seen"),
        ({"title": "x" * 121}, "title", "121 characters"),
        ({"title": "日本"}, "slug", "cannot be an address"),
        ({"title": "x", "slug": "../y"}, "slug", "cannot be an address"),
        ({"title": "x", "slug": "live"}, "slug", "cannot be an address"),
        ({"title": "x", "language": "fr"}, "language", "de or en"),
        ({"title": "x", "refresh": "PT1M"}, "refresh", "between PT5M"),
        ({"title": "x", "refresh": "hourly"}, "refresh", "write PT15M"),
        ({"title": "x", "refresh": "P"}, "refresh", "is no duration"),
        ({"title": "x", "parameters": {"a": 1}}, "parameters", "must be a list"),
        ({"title": "x", "parameters": ["a"]}, "parameters", "needs a name"),
    ],
)
def test_a_problem_stands_with_its_field(values: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        parse_application(values)
    assert problem in refused.value.problems[field]


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        ({"name": "lang", "choices": [1]}, "cannot name"),
        ({"name": "class", "choices": [1]}, "cannot name"),
        ({"name": "a.b", "choices": [1]}, "cannot name"),
        ({"name": "a"}, "needs choices"),
        ({"name": "a", "choices": []}, "needs choices"),
        ({"name": "a", "choices": ["x", "x"]}, "twice"),
        ({"name": "a", "choices": ["x&b=y"]}, "divides"),
        ({"name": "a", "choices": ["x\ny"]}, "visible"),
        ({"name": "a", "choices": ["x"], "default": "y"}, "none of its choices"),
        ({"name": "a", "choices": ["1.5"], "kind": "integer"}, "is no integer"),
        ({"name": "a", "choices": ["1e999"], "kind": "number"}, "is no number"),
        ({"name": "a", "choices": [True]}, "text or numbers"),
        ({"name": "a", "choices": [1], "kind": "date"}, "no date like"),
        ({"name": "a", "choices": ["2026-02-30"], "kind": "date"}, "no date like"),
        ({"name": "a", "choices": [1], "kind": "time"}, "kind of a"),
        ({"name": "a", "choices": list(range(2000))}, "2000 choices"),
        ({"name": "a", "choices": [1], "range": [1, 2]}, "range, which is not known"),
        ({"name": "a", "choices": [1], "min": 1, "max": 2}, "choices and limits"),
        ({"name": "a", "min": 1, "max": 2}, "kind can be date, integer, number"),
        ({"name": "a", "kind": "integer", "min": 1}, "both `min` and `max`"),
        ({"name": "a", "kind": "integer", "min": 3, "max": 2}, "lies above"),
        ({"name": "a", "kind": "integer", "min": 1, "max": 9, "step": 0}, "greater than 0"),
        ({"name": "a", "kind": "integer", "min": 1, "max": 2.5}, "is no integer"),
        ({"name": "a", "kind": "integer", "min": 0, "max": 100_000}, "100001 values"),
        ({"name": "a", "kind": "integer", "min": 1, "max": 9, "step": 4, "default": 2}, "none of its values"),
        ({"name": "a", "kind": "integer", "min": 1, "max": 9, "default": 10}, "none of its values"),
        ({"name": "a", "kind": "number", "min": 0, "max": 1}, "needs `step`"),
        ({"name": "a", "kind": "number", "min": 0, "max": "1e3", "step": 1}, "no number"),
        ({"name": "a", "kind": "date", "min": "yesterday", "max": "today"}, "is no date"),
        ({"name": "a", "kind": "date", "min": "today-9999999d", "max": "today"}, "is no date"),
        ({"name": "a", "kind": "date", "min": "2026-01-01", "max": "2025-01-01"}, "lies above"),
    ],
)
def test_only_few_and_finite_choices_are_taken(parameter: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_parameters([parameter])


def test_variants_are_all_combinations_the_defaults_first() -> None:
    parameters = parse_parameters(
        [
            {"name": "b", "choices": [{"value": "x", "title": "Ex"}, "y"], "default": "y"},
            {"name": "a", "kind": "number", "choices": [1, 2.5]},
        ]
    )
    variants = list_variants(parameters)
    assert list(variants) == ["a=1&b=y", "a=2.5&b=y", "a=1&b=x", "a=2.5&b=x"]
    assert to_notebook_values(parameters, variants["a=2.5&b=x"]) == {"a": 2.5, "b": "x"}
    assert list_variants(()) == {"": {}}


@pytest.mark.parametrize(
    "text",
    [
        b"- a",
        b"title: [",
        b"\xff",
        b"a: &x [1]\nb: *x",
        b"1: 2",
        b"!!python/object:os.system {}",
        b"x" * 200_000,
    ],
)
def test_an_app_yaml_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ApplicationError):
        parse_app_yaml(text)
    assert parse_app_yaml(b"title: A & B\nparameters: []") == {"title": "A & B", "parameters": []}


@pytest.mark.parametrize(
    ("notebook", "sentence"),
    [
        ("", "no notebook"),
        ("{}", "no notebook"),
        ('{"cells": 3}', "no notebook"),
        ('{"cells": [{"cells": null, "metadata": null, "cell_type": null}]}', "no notebook"),
        ('{"nbformat": 3, "worksheets": []}', "before 2015"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}), "no cells"),
        (make_notebook("#" * 5_100_000), "5.1 MB"),
        (make_notebook(kernelspec={"name": "ir", "display_name": "R", "language": "R"}), "written in R"),
    ],
    ids=["empty", "object", "cells", "strange", "old", "none", "large", "R"],
)
def test_what_is_no_notebook_of_ours_is_refused(notebook: str, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        parse_notebook(notebook.encode())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(st.sampled_from(["cells", "metadata", "nbformat", "source", "cell_type"]), each)
        ),
    )
)
def test_whatever_is_sent_is_a_notebook_or_refused_in_a_sentence(value: Any) -> None:
    with pytest.raises(BundleError, match=r"\.$"):
        parse_notebook(json.dumps(value).encode())


def test_parameters_have_a_cell_that_assigns_them() -> None:
    parameters = parse_parameters([{"name": "day", "choices": [1]}])
    check_parameters(
        parse_notebook(make_notebook(parameters="%time x = 1\nday: int = 1").encode()), parameters
    )
    with pytest.raises(BundleError, match="no cell has the tag"):
        check_parameters(parse_notebook(make_notebook("day = 1").encode()), parameters)
    with pytest.raises(BundleError, match="does not assign day"):
        check_parameters(parse_notebook(make_notebook(parameters="print(day)").encode()), parameters)


@pytest.mark.parametrize(
    "values",
    [
        *({"dataset": name} for name in ("village.footfall", "system.tables", "town.a; DROP", "../x", "", 3)),
        {"dataset": "footfall", "owner": "x"},
        {"dataset": "footfall", "title": {"fr": "x"}},
        {"dataset": "footfall", "description": "x" * 1001},
        {"dataset": "footfall", "table": "open_data.town__x"},
    ],
)
def test_what_is_no_table_of_the_own_tenant_is_not_asked_for(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        parse_request(values, Actor("olga@town", "town", frozenset({"analyst"})), "1", AT)


STATES = {
    "release": {State.SUBMITTED},
    "release_older": {State.REPLACED, State.WITHDRAWN},
    "refuse": {State.SUBMITTED},
    "withdraw": {State.RELEASED},
    "take_down": {State.SUBMITTED, State.RELEASED, State.REPLACED, State.WITHDRAWN},
}


@pytest.mark.parametrize("act", STATES)
def test_an_act_is_possible_in_its_states_only(act: str) -> None:
    gatekeeper = Actor("gerd@town", "town", frozenset({"gatekeeper"}), may_decide=True)
    for state in State:
        submission = dataclasses.replace(_make_submission(), state=state)
        reason = () if act.startswith("release") else ("because",)
        if state in STATES[act]:
            assert getattr(publications, act)(submission, gatekeeper, *reason, AT).decided_by == "gerd@town"
        else:
            with pytest.raises(publications.ConflictError):
                getattr(publications, act)(submission, gatekeeper, *reason, AT)


def test_a_page_stays_stale_from_its_first_failure_until_it_is_renewed() -> None:
    released = dataclasses.replace(_make_submission(), state=State.RELEASED)
    first = publications.keep_stale(released, Failure("one", at=AT), "n")
    second = publications.keep_stale(first, Failure("two", at="2026-03-02T12:00:00.000+00:00"), "n")
    assert (second.refresh.stale_since, second.refresh.failure) == (
        AT,
        Failure("two", at="2026-03-02T12:00:00.000+00:00"),
    )
    renewed = publications.renew(second, {"": "a" * 64}, live=False, at=AT)
    assert renewed.refresh == publications.Refresh("2026-03-01T13:00:00.000+00:00")
    assert publications.plan_retry(released.application, AT, 300) == "2026-03-01T12:05:00.000+00:00"


def _make_submission() -> Submission:
    application = parse_application({"title": "x", "refresh": "PT1H"})
    return Submission(
        "1", "town", "x", 1, "anna@town", application, "0" * 64, AT, updated_at=AT, pages={"": "0" * 64}
    )


KEY = Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "urbanlab-warehouse"},
        {"iss": "someone"},
        {"exp": 1},
        {"exp": int(time.time()) + 5000},
        {"tenant": "village"},
        {"sub": "publications@town"},
        {"sub": "anna"},
        {"roles": "gatekeeper"},
        {"roles": ["mayor"]},
        {"jti": None},
    ],
)
def test_a_credential_that_is_not_ours_is_none(changes: dict[str, Any]) -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    now = int(time.time())
    claims = {
        "iss": "urbanlab-tokens",
        "aud": "urbanlab-publisher",
        "sub": "anna@town",
        "tenant": "town",
        "roles": ["gatekeeper"],
        "iat": now,
        "exp": now + 30,
        "jti": "1",
    }
    good = jwt.encode(claims, KEY, algorithm="EdDSA")
    actor = Authenticator(public).identify(f"Bearer {good}")
    assert actor == Actor("anna@town", "town", frozenset({"gatekeeper"}), may_decide=False)
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    bad = jwt.encode(kept, KEY, algorithm="EdDSA")
    for header in (
        f"Bearer {bad}",
        f"token {good}",
        "",
        f"Bearer {jwt.encode(claims, 'x' * 32, algorithm='HS256')}",
    ):
        with pytest.raises(UnauthenticatedError) as refused:
            Authenticator(public).identify(header)
        assert bad not in refused.value.message


TODAY = date(2020, 11, 24)


@pytest.mark.parametrize(
    ("declared", "ahead", "count"),
    [
        ([{"kind": "integer", "min": 1, "max": 3, "default": 2}], ["a=2", "a=1", "a=3"], 3),
        ([{"kind": "number", "min": 0, "max": 1, "step": "0.25"}],
         ["a=0", "a=0.25", "a=0.5", "a=0.75", "a=1"], 5),
        ([{"kind": "number", "min": -0.5, "max": 100, "step": 0.1}], ["a=-0.5"], 1006),
        ([{"kind": "date", "min": "today-2d", "max": "today", "default": "today-1d"}],
         ["a=2020-11-23", "a=2020-11-22", "a=2020-11-24"], 3),
        ([{"kind": "date", "min": date(2020, 11, 1), "max": "today", "step": 7}],
         ["a=2020-11-01", "a=2020-11-08", "a=2020-11-15", "a=2020-11-22"], 4),
        ([{"choices": ["x", "y"]}, {"kind": "date", "min": "2020-01-01", "max": "today"}],
         ["a=x&b=2020-01-01", "a=y&b=2020-01-01"], 658),
        ([{"choices": list(range(30)), "default": 7}], ["a=7"], 30),
    ],
)  # fmt: skip
def test_few_variants_are_made_ahead_and_of_many_the_first(
    declared: list[dict[str, Any]], ahead: list[str], count: int
) -> None:
    parameters = parse_parameters(
        [{"name": name, **each} for name, each in zip("ab", declared, strict=False)]
    )
    assert list(list_variants(parameters, TODAY)) == ahead
    assert count_variants(parameters, TODAY) == count
    for variant in ahead:
        find_variant(parameters, variant, TODAY)
    # What is public names the day that was meant when it was made.
    assert make_variant(check_values(fix_defaults(parameters, ahead[0]), {}, date(2021, 1, 1))) == ahead[0]


@pytest.mark.parametrize(
    "variant",
    [
        "a=0&b=2020-11-24", "a=01&b=2020-11-24", "a=5.0&b=2020-11-24", "a=5&b=2020-11-25", "", "a=1",
        "a=5&b=2020-11-24&c=1", "b=2020-11-24&a=5", "a=5&b=2020-11-24&a=6", "a=5&b=24.11.2020",
        "a=\u0665&b=2020-11-24", "a=5&b=today", "a=5\x00&b=2020-11-24", "a&b", "a=5&b=2020-13-01",
    ],
)  # fmt: skip
def test_no_other_variant_can_be_asked_for(variant: str) -> None:
    parameters = parse_parameters(
        [
            {"name": "a", "kind": "integer", "min": 1, "max": 9},
            {"name": "b", "kind": "date", "min": "2020-01-01", "max": "today"},
        ]
    )
    assert find_variant(parameters, "a=5&b=2020-11-24", TODAY) == {"a": "5", "b": "2020-11-24"}
    assert to_notebook_values(parameters, {"a": "5", "b": "2020-11-24"}) == {"a": 5, "b": "2020-11-24"}
    with pytest.raises(ValueError, match=r".*"):
        find_variant(parameters, variant, TODAY)
