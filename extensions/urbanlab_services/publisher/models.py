"""What the API tells about submissions, requests and publications."""

from __future__ import annotations

import dataclasses
from typing import Any

from urbanlab_services.publisher.data_desk import make_view
from urbanlab_services.publisher.data_releases import DataRequest
from urbanlab_services.publisher.links import Links
from urbanlab_services.publisher.parameters import list_variants
from urbanlab_services.publisher.publications import Failure, PublicationSummary, State, Submission


def make_submission_model(submission: Submission, links: Links) -> dict[str, Any]:
    """Return a submission as its tenant sees it."""
    variants = list_variants(submission.application.parameters)
    return {
        "id": submission.id,
        "slug": submission.slug,
        "version": submission.version,
        "title": submission.title,
        "author": submission.author,
        "state": submission.state.value,
        "submitted_at": submission.submitted_at,
        "variants": {"done": len(submission.pages), "all": len(variants)},
        "failure": _make_failure_model(submission.failure, links),
        "undescribed": list(submission.undescribed),
        "reason": submission.reason,
        "decided_by": submission.decided_by,
        "released_at": submission.released_at,
        "updated_at": submission.updated_at,
        "stale_since": submission.refresh.stale_since,
        "refresh_failure": _make_failure_model(submission.refresh.failure, links),
        "url": links.submission(submission.id),
        "public_url": _find_public_url(submission, links),
    }


def make_data_request_model(request: DataRequest, links: Links) -> dict[str, Any]:
    """Return a request as its tenant sees it."""
    said = dataclasses.asdict(request)
    # Who answered for the partner is nobody of this tenant.
    del said["answered_by"]
    return {**said, "url": links.data_request(request.id)}


def make_offer_model(request: DataRequest, links: Links) -> dict[str, Any]:
    """Return a request as its partner sees it: nothing of the owner's people, notes and tables."""
    said = dataclasses.asdict(request)
    told = ("id", "dataset", "title", "description", "licence", "columns", "until", "answered_at")
    return {
        **{name: said[name] for name in told},
        "owner": request.tenant,
        "state": request.state.value,
        "table": make_view(request),
        "filtered": bool(request.where),
        "url": links.data_offer(request.id),
    }


def make_page_use_model(submission: Submission, tables: set[str], links: Links) -> dict[str, Any]:
    """Return a public page with the tables of the open data that it has read."""
    return {
        "title": submission.title,
        "url": links.page(submission.tenant, submission.slug),
        "tables": sorted(tables),
    }


def make_publication_model(summary: PublicationSummary, links: Links) -> dict[str, Any]:
    """Return a publication as its tenant sees it."""
    released = summary.released
    return {
        "slug": summary.slug,
        "title": (released or summary.latest).title,
        "released_version": released.version if released else None,
        "public_url": links.page(summary.tenant, summary.slug) if released else "",
        "versions": [make_submission_model(version, links) for version in summary.versions],
    }


def _make_failure_model(failure: Failure | None, links: Links) -> dict[str, Any] | None:
    if failure is None:
        return None
    needs = [{"name": need, "url": links.data_releases(need)} for need in failure.needs]
    return {**dataclasses.asdict(failure), "needs": needs}


def _find_public_url(submission: Submission, links: Links) -> str:
    is_public = submission.state is State.RELEASED
    return links.page(submission.tenant, submission.slug) if is_public else ""
