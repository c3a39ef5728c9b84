"""`ul.share` against the real publisher: what is asked for, what is shown, what is said where it cannot be."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

import urbanlab as ul
from urbanlab.errors import PublishError
from urbanlab.session import Session

from ..extensions.conftest import make_tenant  # noqa: TID252, F401 - fixtures of the service
from ..extensions.publisher.conftest import GERD, publisher, town  # noqa: TID252, F401
from .test_publishing import published  # noqa: F401


def test_a_share_is_asked_for_and_followed(published: Any) -> None:  # noqa: F811
    until = datetime.date(2090, 12, 31)
    title = {"de": "Passanten", "en": "Footfall"}
    request = ul.share(
        "footfall", "village", until=until, columns=["persons"], where="persons  > 0", title=title, note="why"
    )
    assert (request.state, request.table, request.partner) == ("requested", "town.footfall", "village")
    assert (request.until, request.where) == ("2090-12-31T23:00:00+00:00", "persons > 0")
    for shown in (repr(request), request._repr_html_()):
        assert "waits for a decision" in shown and request.url in shown
    (asked,) = published.act(GERD, "list_data_requests")
    assert (asked["title"], asked["note"], asked["requester"]) == (title, "why", "anna@town")
    published.act(GERD, "decide_data", request.id, release=True)
    assert request.update().state == "offered"
    assert "waits for the partner" in repr(request)
    for arguments, says in (
        (("village.footfall", "village"), "no table of yours"),
        (("footfall", "town"), "has its data already"),
        (("footfall", ""), "With whom"),
    ):
        with pytest.raises(PublishError, match=says):
            ul.share(*arguments)
    with pytest.raises(PublishError, match="takes a list"):
        ul.share("footfall", "village", columns="persons")
    with pytest.raises(PublishError, match="over already"):
        ul.share("footfall", "village", until="2020-01-01")


def test_outside_of_urban_lab_nothing_is_shared(
    environ: dict[str, str], use_session: Callable[[dict[str, str]], Session]
) -> None:
    use_session(environ)
    with pytest.raises(ul.UrbanlabError, match="knows no publisher"):
        ul.share("footfall", "village")
