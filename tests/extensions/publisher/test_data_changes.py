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


@pytest.mark.parametrize(
    # All in minutes before now; `failed` is the last try, which was in vain.
    ("made", "submitted", "failed", "read", "written", "changed"),
    [
        (120, 600, None, "open_data.town__footfall", 60, True),
        (120, 600, None, "town__footfall", 60, True),
        (120, 600, None, "town__other", 60, False),
        (60, 600, None, "town__footfall", 120, False),
        (None, 120, None, "town__footfall", 60, True),
        (120, 600, 20, "town__footfall", 60, False),
        (120, 600, 20, "town__footfall", 1, True),
        (120, 600, None, "town__footfall", None, False),
    ],
)
def test_what_was_written_since_the_last_try_counts(
    made: int | None, submitted: int, failed: int | None, read: str, written: int | None, changed: bool
) -> None:
    def to_moment(minutes: int | None) -> str:
        return "" if minutes is None else ago(minutes=minutes)

    refresh = Refresh() if failed is None else Refresh(failure=Failure("x", at=ago(minutes=failed)))
    moments = {"data_at": to_moment(made), "submitted_at": to_moment(submitted)}
    submission = make_submission(state=State.RELEASED, refresh=refresh, **moments)
    assert has_changed(submission, [read], {"open_data.town__footfall": to_moment(written)}) is changed


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
