"""Pages that the publisher makes when the first visitor asks for them, and how the portal asks.

They lie beside what is made ahead (`urbanlab.contract.publications`) in ``variants/TENANT/SLUG.json``, a
`MadeVariants`, written by the publisher alone. The portal asks with ``POST /portal/variants`` and its secret for
``{"tenant", "slug", "variant"}`` and is answered 200 with a `Progress`; 404 for what there cannot be, 429 where too
many wait.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urbanlab.contract.publications import DIGEST

MADE, WAITING, FAILED = "made", "waiting", "failed"
ASK_SECONDS = 20.0  # who waits asks at least so often; what nobody asks for any more is not made


@dataclass(frozen=True)
class MadeVariant:
    """A page made on demand; `page` is its digest, empty where there is none yet."""

    page: str
    updated_at: str  # of the publication when it was made: where that is another now, it is old
    made_at: str  # ISO 8601, UTC
    size: int = 0  # bytes of all its files
    failed_at: str = ""  # when the notebook last gave no page, if it has given none since


@dataclass(frozen=True)
class MadeVariants:
    """All of one publication's version, by `make_variant`."""

    version: int
    variants: dict[str, MadeVariant]


def variants_path(public: Path, tenant: str, slug: str) -> Path:
    """Return where they stand; both names must have been checked."""
    return public / "variants" / tenant / f"{slug}.json"


def encode_variants(made: MadeVariants) -> bytes:
    """Return them as JSON."""
    return json.dumps(dataclasses.asdict(made), ensure_ascii=False, sort_keys=True, indent=1).encode()


def decode_variants(content: bytes) -> MadeVariants:
    """Return what `encode_variants` wrote; raise `ValueError`, `TypeError` or `KeyError` for anything else."""
    values: dict[str, Any] = json.loads(content)
    variants = {str(name): MadeVariant(**each) for name, each in dict(values["variants"]).items()}
    for each in variants.values():
        texts = (each.page, each.updated_at, each.made_at, each.failed_at)
        if not all(isinstance(text, str) for text in texts) or not isinstance(each.size, int):
            raise TypeError("a value of the wrong kind")
        if each.page and not DIGEST.fullmatch(each.page):
            raise ValueError("a page is named by its digest")
    return MadeVariants(int(values["version"]), variants)


@dataclass(frozen=True)
class Progress:
    """How it goes: `position` in the queue counts from 1, 0 while the page is being made."""

    state: str
    position: int = 0


def encode_progress(progress: Progress) -> dict[str, Any]:
    """Return plain values for JSON."""
    return dataclasses.asdict(progress)


def decode_progress(content: bytes) -> Progress:
    """Return what `encode_progress` took apart; raise `ValueError` or `TypeError` for anything else."""
    progress = Progress(**json.loads(content))
    if progress.state not in {MADE, WAITING, FAILED} or type(progress.position) is not int:
        raise ValueError("no progress")
    return progress
