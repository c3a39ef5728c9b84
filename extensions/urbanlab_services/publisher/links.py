"""The addresses that people are given: of the publisher's pages, of previews and of the public pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True)
class Links:
    """Where publisher and portal are, as browsers see them, without a slash at the end."""

    publisher: str
    portal: str

    def submission(self, submission_id: str) -> str:
        """Return the publisher's page of a submission."""
        return f"{self.publisher}/submissions/{submission_id}"

    def data_releases(self, dataset: str = "") -> str:
        """Return the publisher's page of the open data, with the form for `dataset` filled in."""
        query = f"?{urlencode({'dataset': dataset})}" if dataset else ""
        return f"{self.publisher}/data-releases{query}"

    def data_request(self, request_id: str) -> str:
        """Return the publisher's page of a request for data."""
        return f"{self.publisher}/data-releases/{request_id}"

    def data_offer(self, request_id: str) -> str:
        """Return the publisher's page of what another tenant offers."""
        return f"{self.publisher}/data-offers/{request_id}"

    def readers(self) -> str:
        """Return the publisher's page about readers."""
        return f"{self.publisher}/readers"

    def page(self, tenant: str, slug: str) -> str:
        """Return the public page."""
        return f"{self.portal}/{tenant}/{slug}/"

    def preview(self, ticket: str, values: Mapping[str, str]) -> str:
        """Return a preview's address, which holds for one visit."""
        query = f"?{urlencode(dict(values))}" if values else ""
        return f"{self.portal}/preview/{ticket}/{query}"
