"""A page is made anew when its data were written: not for others' data, not too often, not again in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from urbanlab_services.publisher.data_changes import has_changed, is_free
from urbanlab_services.publisher.publications import Failure, Refresh, State, to_text

from .conftest import GERD, make_submission
from .test_life_span import set_back


def ago(**values: float) -> str:
    return to_text(datetime.now(UTC) - timedelta(**values))


FAILED = Refresh(failure=Failure("x", at=ago(minutes=20)), stale_since=ago(days=1))


@pytest.mark.parametrize(
    ("values", "read", "written", "changed"),
    [
        ({"data_at": ago(hours=2)}, ["open_data.town__footfall"], ago(hours=1), True),
        ({"data_at": ago(hours=2)}, ["town__footfall"], ago(hours=1), True),
        ({"data_at": ago(hours=2)}, ["town__other"], ago(hours=1), False),
        ({"data_at": ago(hours=1)}, ["town__footfall"], ago(hours=2), False),
        ({"submitted_at": ago(hours=2)}, ["town__footfall"], ago(hours=1), True),
        ({"data_at": ago(hours=2), "refresh": FAILED}, ["town__footfall"], ago(hours=1), False),
        ({"data_at": ago(hours=2), "refresh": FAILED}, ["town__footfall"], ago(minutes=1), True),
        ({"data_at": ago(hours=2)}, ["town__footfall"], "", False),
    ],
)
def test_what_was_written_since_the_last_try_counts(
    values: dict[str, Any], read: list[str], written: str, changed: bool
) -> None:
    submission = make_submission(state=State.RELEASED, **values)
    assert has_changed(submission, read, {"open_data.town__footfall": written}) is changed


def test_a_page_is_not_made_anew_too_often_nor_twice() -> None:
    assert is_free(make_submission(data_at=ago(minutes=16)))
    assert not is_free(make_submission(data_at=ago(minutes=14)))
    assert not is_free(make_submission(data_at=ago(hours=2), refresh=Refresh(next_at=ago(minutes=1))))
    failed = Refresh(failure=Failure("x", at=ago(minutes=5)))
    assert not is_free(make_submission(data_at=ago(hours=2), refresh=failed))


def test_a_page_follows_its_data(publisher: Any, wait: Any) -> None:
    pages = [
        publisher.submit(title=title, refresh_on_change=title == "Folgt") for title in ("Folgt", "Bleibt")
    ]
    for page in pages:
        publisher.act(GERD, "release", page["id"])
        set_back(publisher, page["id"], "submitted_at", ago(hours=3))
    before = {slug: publisher.find_public(slug).updated_at for slug in ("folgt", "bleibt")}
    publisher.town.written = {"open_data.town__footfall": ago(hours=1)}
    publisher.process.kill()
    publisher.process.restart()
    wait(lambda: publisher.find_public("folgt").updated_at != before["folgt"], 15, "the new page")
    assert publisher.find_public("bleibt").updated_at == before["bleibt"]
    assert publisher.act(GERD, "get", pages[0]["id"])["data_at"] > before["folgt"]
