"""What readers say is wrong on a page: kept until the publisher has it, and never more than a person writes."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

from urbanlab.contract.files import remove_whole, write_whole
from urbanlab.contract.publications import Publication
from urbanlab.contract.readers import MAX_ANSWER_TO, MAX_TEXT, Report, clean_text, decode_report, encode
from urbanlab_portal.errors import FormError, TooManyReportsError

logger = logging.getLogger(__name__)

SECONDS = 3600.0
PER_PAGE, PER_TOWN, IN_ALL = 5, 20, 60  # within that time
MAX_KEPT = 500  # while the publisher is away
TRAP = "website"  # a field that people do not see and programs fill in
_FIELDS = {"text", "answer_to", TRAP}


def parse_form(body: bytes) -> dict[str, str]:
    """Return what was typed, cleaned; raise `FormError` for what is not our form."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=5, errors="strict")
    except ValueError:
        raise FormError("not understood") from None
    values = dict(pairs)
    if len(values) != len(pairs) or not values.keys() <= _FIELDS:
        raise FormError("a field that is not on the form, or one twice")
    return {
        "text": clean_text(values.get("text", ""), MAX_TEXT),
        "answer_to": clean_text(values.get("answer_to", ""), MAX_ANSWER_TO),
        TRAP: values.get(TRAP, ""),
    }


class Reports:
    """The folder of what has not been sent yet, and the limits."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "reports"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._taken: deque[tuple[float, str, str]] = deque()

    def take(self, publication: Publication, language: str, text: str, answer_to: str) -> None:
        """Keep a report; raise `TooManyReportsError`."""
        now = time.monotonic()
        self._check_limits(publication, now)
        report = Report(
            uuid.uuid4().hex,
            publication.tenant,
            publication.slug,
            publication.version,
            language,
            datetime.now(UTC).isoformat(timespec="seconds"),
            text,
            answer_to,
        )
        write_whole(self._folder / f"{report.id}.json", encode(report))
        self._taken.append((now, publication.tenant, publication.slug))

    def list_kept(self) -> list[Report]:
        """Return what has not been sent yet, the oldest first."""
        reports = []
        for path in self._folder.glob("*.json"):
            try:
                reports.append(decode_report(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                logger.warning("an unreadable report is left where it is", extra={"report": path.name})
        return sorted(reports, key=lambda report: report.at)

    def settle(self, report: Report) -> None:
        """Forget a report: it has arrived."""
        remove_whole(self._folder / f"{report.id}.json")

    def _check_limits(self, publication: Publication, now: float) -> None:
        while self._taken and now - self._taken[0][0] > SECONDS:
            self._taken.popleft()
        town = [slug for _, tenant, slug in self._taken if tenant == publication.tenant]
        if (
            town.count(publication.slug) >= PER_PAGE
            or len(town) >= PER_TOWN
            or len(self._taken) >= IN_ALL
            or sum(1 for _ in self._folder.glob("*.json")) >= MAX_KEPT
        ):
            raise TooManyReportsError
