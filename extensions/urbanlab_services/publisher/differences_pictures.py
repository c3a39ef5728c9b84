"""What is different between the pictures of two versions of a page, and the pictures themselves, by their digests.

Nothing is drawn or decoded here: a picture is what somebody's notebook has put out, and only a browser looks at it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from urbanlab.contract.publications import (
    BODY,
    FILE_TYPES,
    PICTURES,
    Page,
    PageFile,
    decode_page,
    make_digest,
)
from urbanlab_services.publisher.pictures import Element, list_elements
from urbanlab_services.publisher.shelf import Shelf

MAX_PICTURES = 400  # of one page; more are not compared
MAX_SHOWN = 40
MAX_BODY = 3_000_000  # bytes of what is looked through for pictures
CHANGED, DESCRIBED, MOVED, NEW, GONE, COVER = "changed", "described", "moved", "new", "gone", "cover"

_FILE = re.compile(r"files/([0-9a-f]{64})\.([a-z0-9]{2,7})")
_DATA = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,")
_ENDINGS = {"jpeg": "jpg", "svg+xml": "svg"}
# A map names its parts anew each time that it is made: `marker_` and 32 hex digits.
_MADE_UP = re.compile(rb"_[0-9a-f]{32}(?![0-9a-f])")


@dataclass(frozen=True)
class Picture:
    """A picture of a page, or a map, which is a document of its own.

    `mark` is the same where they show the same; `place` counts what the page shows, from 0. `digest` and `ending`
    are empty of what cannot be shown here, a map for one, and sizes 0 where they are not known.
    """

    place: int
    mark: str
    digest: str = ""
    ending: str = ""
    alt: str = ""
    cell: int = 0
    width: int = 0
    height: int = 0
    size: int = 0
    is_map: bool = False


@dataclass(frozen=True)
class PictureChange:
    """What a picture has become: `old` is None of a new one, `new` of one that is gone."""

    kind: str
    old: Picture | None
    new: Picture | None

    @property
    def shown(self) -> Picture:
        """The picture by which it is named."""
        return next(each for each in (self.new, self.old) if each is not None)


@dataclass(frozen=True)
class PictureDifference:
    """What is different and shown, and how many more are; `is_whole` is false where it is too much to compare."""

    changes: tuple[PictureChange, ...]
    left_out: int
    is_whole: bool
    old_made_at: str
    new_made_at: str


def compare_pages(shelf: Shelf, pages: tuple[str, str], covers: tuple[str, str]) -> PictureDifference:
    """Return what is different between two stored pages, given by digest, and in lists between those of `covers`.

    Raises `OSError` or `ValueError` where one is not there.
    """
    old, new = (decode_page(shelf.read_page(digest)) for digest in pages)
    before, after = list_pictures(shelf, old), list_pictures(shelf, new)
    changes = list(_compare_covers(shelf, covers))
    is_whole = before is not None and after is not None
    if before is not None and after is not None:
        changes += compare_pictures(before, after)
    left_out = max(0, len(changes) - MAX_SHOWN)
    return PictureDifference(tuple(changes[:MAX_SHOWN]), left_out, is_whole, old.made_at, new.made_at)


def compare_pictures(old: Sequence[Picture], new: Sequence[Picture]) -> list[PictureChange]:
    """Return what has become of pictures and of maps, as they follow each other on the page."""
    changes: list[PictureChange] = []
    for is_map in (False, True):
        before, after = ([each for each in shown if each.is_map is is_map] for shown in (old, new))
        changes += _join_moved([_make_change(*pair) for pair in _pair(before, after) if _differ(*pair)])
    return sorted(changes, key=lambda change: (change.shown.place, change.new is None))


def list_pictures(shelf: Shelf, page: Page) -> list[Picture] | None:
    """Return the pictures and maps of a page as they follow each other; None where there is too much."""
    elements = _list_elements(shelf, page)
    if elements is None:
        return None
    files = {(file.digest, file.ending): file for file in page.files}
    return [_read_element(shelf, number, element, files) for number, element in enumerate(elements)]


def find_picture(shelf: Shelf, pages: Iterable[str], digest: str) -> tuple[str, bytes] | None:
    """Return media type and content of a picture that one of these stored pages holds, else None."""
    found = [decode_page(shelf.read_page(each)) for each in dict.fromkeys(pages)]
    for file in (file for page in found for file in page.files):
        if file.digest == digest and file.ending in PICTURES:
            return FILE_TYPES[file.ending], shelf.read_file(digest)
    for element in (element for page in found for element in _list_elements(shelf, page) or ()):
        ending, content = _decode(element.values.get("src", ""))
        if content and make_digest(content) == digest:
            return FILE_TYPES[ending], content
    return None


def _list_elements(shelf: Shelf, page: Page) -> list[Element] | None:
    body = page.find(BODY)
    if body is None:
        raise ValueError(BODY)
    if body.size > MAX_BODY:
        return None
    elements = list_elements(shelf.read_file(body.digest).decode(), {"img", "iframe"})
    return elements if len(elements) <= MAX_PICTURES else None


def _read_element(
    shelf: Shelf, place: int, element: Element, files: Mapping[tuple[str, str], PageFile]
) -> Picture:
    values, address = element.values, element.values.get("src", "")
    found = Picture(
        place,
        make_digest(address.encode()),
        alt=" ".join(values.get("title" if element.tag == "iframe" else "alt", "").split()),
        cell=element.cell,
        width=_to_pixels(values.get("width", "")),
        height=_to_pixels(values.get("height", "")),
        is_map=element.tag == "iframe",
    )
    hit = _FILE.fullmatch(address)
    file = files.get((hit[1], hit[2])) if hit else None
    if file and found.is_map:
        return dataclasses.replace(found, mark=_mark_map(shelf.read_file(file.digest)), size=file.size)
    if file and file.ending in PICTURES:
        return _show(found, file.digest, file.ending, file.size)
    ending, content = _decode(address)
    if content and not found.is_map:
        return _show(found, make_digest(content), ending, len(content))
    return found


def _show(found: Picture, digest: str, ending: str, size: int) -> Picture:
    return dataclasses.replace(found, mark=digest, digest=digest, ending=ending, size=size)


def _decode(address: str) -> tuple[str, bytes]:
    hit = _DATA.match(address)
    if hit is None:
        return "", b""
    try:
        return _ENDINGS.get(hit[1], hit[1]), base64.b64decode(address[hit.end() :], validate=True)
    except (binascii.Error, ValueError):
        return "", b""


def _mark_map(document: bytes) -> str:
    seen: dict[bytes, int] = {}
    return make_digest(_MADE_UP.sub(lambda hit: b"\0%d" % seen.setdefault(hit[0], len(seen)), document))


def _to_pixels(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _pair(old: Sequence[Picture], new: Sequence[Picture]) -> Iterator[tuple[Picture | None, Picture | None]]:
    """Yield each picture with what stands in its place: by what they show, then by text, then by order."""
    marks, other_marks = ([each.mark for each in shown] for shown in (old, new))
    matcher = difflib.SequenceMatcher(None, marks, other_marks, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        before, after = list(old[old_from:old_to]), list(new[new_from:new_to])
        if kind != "equal":
            for each in list(before):
                if twin := next((other for other in after if other.alt == each.alt), None):
                    before.remove(each)
                    after.remove(twin)
                    yield each, twin
        yield from zip_longest(before, after)


def _differ(old: Picture | None, new: Picture | None) -> bool:
    return old is None or new is None or (old.mark, old.alt) != (new.mark, new.alt)


def _make_change(old: Picture | None, new: Picture | None) -> PictureChange:
    if old is None or new is None:
        return PictureChange(NEW if old is None else GONE, old, new)
    return PictureChange(CHANGED if old.mark != new.mark else DESCRIBED, old, new)


def _join_moved(changes: list[PictureChange]) -> list[PictureChange]:
    """Return the changes, one for each picture that is gone at one place and new at another."""
    gone = [change for change in changes if change.kind == GONE]
    joined = []
    for change in changes:
        left = next((each for each in gone if each.shown.mark == change.shown.mark), None)
        if change.kind != NEW or left is None:
            joined.append(change)
            continue
        gone.remove(left)
        joined.append(PictureChange(MOVED, left.old, change.new))
    taken = {id(change.old) for change in joined if change.kind == MOVED}
    return [change for change in joined if change.kind != GONE or id(change.old) not in taken]


def _compare_covers(shelf: Shelf, covers: tuple[str, str]) -> Iterator[PictureChange]:
    pages = (decode_page(shelf.read_page(digest)) for digest in covers)
    old, new = (_read_cover(page.find_cover()) for page in pages)
    if (old or new) and (old is None or new is None or old.mark != new.mark):
        yield PictureChange(COVER, old, new)


def _read_cover(file: PageFile | None) -> Picture | None:
    return _show(Picture(0, ""), file.digest, file.ending, file.size) if file else None
