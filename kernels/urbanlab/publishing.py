"""From a notebook to a page that the public may read once a gatekeeper has released it: `urbanlab.publish`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from urbanlab import html
from urbanlab.errors import PublishError
from urbanlab.publisher_client import ask
from urbanlab.session import Session, current_session

SIDE_CAR = "app.yaml"
WAIT_SECONDS = 3600.0
_TEXTS = {
    "de": {
        "executing": "wird ausgeführt",
        "failed": "fehlgeschlagen",
        "incomplete": "wartet auf Texte zu Bildern",
        "submitted": "wartet auf die Freigabe",
        "refused": "abgelehnt",
        "released": "veröffentlicht",
        "replaced": "durch eine andere Fassung ersetzt",
        "withdrawn": "zurückgezogen",
        "taken_down": "gesperrt",
        "progress": "{done} von {all} Seiten",
        "cell": "Zelle {cell}",
        "pictures": "Bilder ohne Text",
        "cells": 'Zellen {cells}; submission.describe({{{first}: "…"}})',
        "needs": "Erst freizugeben",
        "how": "Die Freigabe erbitten: submission.request_data(), oder auf der Seite",
        "headings": ("Veröffentlichung", ""),
        "see": "Ansehen und weiter",
        "public": "Öffentlich",
    },
    "en": {
        "executing": "is being executed",
        "failed": "failed",
        "incomplete": "waits for texts of its pictures",
        "submitted": "waits for its release",
        "refused": "refused",
        "released": "public",
        "replaced": "replaced by another version",
        "withdrawn": "withdrawn",
        "taken_down": "taken down",
        "progress": "{done} of {all} pages",
        "cell": "cell {cell}",
        "pictures": "Pictures without a text",
        "cells": 'cells {cells}; submission.describe({{{first}: "…"}})',
        "needs": "To be released first",
        "how": "Ask for it: submission.request_data(), or on the page",
        "headings": ("Publication", ""),
        "see": "See it and go on",
        "public": "Public at",
    },
}


class Submission:
    """A notebook that was handed in; shows itself, and `wait` and `update` look how it goes on.

    Attributes:
        id: Its name at the publisher.
        state: ``executing``, ``failed``, ``submitted`` (waits for a gatekeeper), ``refused``, ``released``, …
        title, slug, version: What it will be called, and where it will be found.
        message: What went wrong, or the gatekeeper's reason; else an empty text.
        failed_cell: The cell that failed, counted from 1, or `None`.
        needs: The tables that have to be released as open data first.
        url: The publisher's page of it, where it can be previewed and released.
        public_url: The public page, once it is released.
    """

    def __init__(self, session: Session, model: dict[str, Any]) -> None:
        self._session = session
        self._model = model

    @property
    def id(self) -> str:
        """Its name at the publisher."""
        return str(self._model["id"])

    @property
    def state(self) -> str:
        """How far it has come."""
        return str(self._model["state"])

    @property
    def title(self) -> str:
        """The page's title."""
        return str(self._model["title"])

    @property
    def slug(self) -> str:
        """The last part of the page's address."""
        return str(self._model["slug"])

    @property
    def version(self) -> int:
        """The number of this version."""
        return int(self._model["version"])

    @property
    def message(self) -> str:
        """What went wrong, or why it was refused."""
        return str(self._failure.get("message") or self._model.get("reason") or "")

    @property
    def failed_cell(self) -> int | None:
        """The cell that failed, counted from 1."""
        cell = self._failure.get("failed_cell")
        return int(cell) if cell else None

    @property
    def needs(self) -> list[str]:
        """The tables that have to be released as open data first."""
        return [str(need["name"]) for need in self._failure.get("needs", ())]

    @property
    def url(self) -> str:
        """The publisher's page of this submission."""
        return str(self._model["url"])

    @property
    def public_url(self) -> str:
        """The public page, once it is released."""
        return str(self._model.get("public_url") or "")

    def update(self) -> Submission:
        """Look how it goes on now, and return this submission."""
        self._model = ask(self._session, "GET", f"submissions/{self.id}")
        return self

    def wait(self, seconds: float = WAIT_SECONDS) -> Submission:
        """Show how the notebook is executed until it has ended, and return this submission.

        Interrupting ends the waiting only; the notebook goes on being executed.
        """
        deadline, shown = time.monotonic() + seconds, ""
        pause = 0.2
        while True:
            if (line := self._make_line()) != shown:
                print(line, flush=True)
                shown = line
            if self.state != "executing" or time.monotonic() >= deadline:
                return self
            time.sleep(pause)
            pause = min(2.0, pause * 1.5)
            self.update()

    @property
    def undescribed(self) -> list[int]:
        """The cells, counted from 1, whose pictures have no text for those who cannot see them."""
        return [int(cell) for cell in self._model.get("undescribed", ())]

    def describe(
        self, texts: Mapping[int, str] | None = None, *, in_text: bool = False, wait: bool = True
    ) -> Submission:
        """Give the pictures of cells their texts, and go on; the notebook is executed once more.

        ``describe({3: "People an hour, highest at noon"})``. ``in_text=True`` says that pictures without a text
        show nothing that the page's text does not say. Next time begin the cell with ``#| fig-alt: …``.
        """
        body = {"texts": {str(cell): text for cell, text in (texts or {}).items()}, "in_text": in_text}
        self._model = ask(self._session, "POST", f"submissions/{self.id}/pictures", body)
        return self.wait() if wait else self

    def request_data(self, note: str = "") -> list[str]:
        """Ask for the release of all that the notebook `needs`; return what was asked for.

        A gatekeeper, who must not be you, decides on the publisher's page. Hand the notebook in again then.
        """
        for need in self.needs:
            ask(self._session, "POST", "data-releases", {"dataset": need, "note": note})
        return self.needs

    @property
    def _failure(self) -> dict[str, Any]:
        return self._model.get("failure") or {}

    @property
    def _texts(self) -> dict[str, Any]:
        return _TEXTS.get(self._session.language, _TEXTS["de"])

    def _make_line(self) -> str:
        progress = ""
        if self.state == "executing":
            progress = f" ({self._texts['progress'].format(**self._model['variants'])})"
        return f"{self.title}: {self._texts.get(self.state, self.state)}{progress}"

    def _make_rows(self) -> list[tuple[str, str]]:
        texts = self._texts
        rows = [(self.title, f"{texts.get(self.state, self.state)} (v{self.version})")]
        if self.message:
            place = f"{texts['cell'].format(cell=self.failed_cell)}: " if self.failed_cell else ""
            rows.append(("", place + self.message))
        if self.state == "incomplete":
            cells = ", ".join(map(str, self.undescribed))
            rows.append((texts["pictures"], texts["cells"].format(cells=cells, first=self.undescribed[0])))
        if self.needs:
            rows += [(texts["needs"], ", ".join(self.needs))]
            rows += [(texts["how"], str(need["url"])) for need in self._failure["needs"][:1]]
        rows.append((texts["see"], self.url))
        if self.public_url:
            rows.append((texts["public"], self.public_url))
        return rows

    def __repr__(self) -> str:
        return html.plain_table(self._texts["headings"], self._make_rows(), width=200)

    def _repr_html_(self) -> str:
        return html.table(self._texts["headings"], self._make_rows())


def publish(
    notebook: str | Path | None = None,
    *,
    title: str | None = None,
    summary: str | None = None,
    slug: str | None = None,
    language: str | None = None,
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    contact: str | None = None,
    licence: str | None = None,
    source: str | None = None,
    refresh: str | None = None,
    refresh_on_change: bool | None = None,
    topics: Sequence[str] | None = None,
    embed_in: Sequence[str] | None = None,
    review_by: str | date | None = None,
    expires: str | date | None = None,
    pictures_in_text: bool | None = None,
    files: Sequence[str] | None = None,
    wait: bool = True,
) -> Submission:
    """Hand a notebook in: it is executed with open data only and can then be released by a gatekeeper.

    What is published is the saved file, so save first. What an ``app.yaml`` beside the notebook says counts where
    no argument says otherwise. You need the role publisher.

    Args:
        notebook: The file; in a notebook of JupyterLab the one that this runs in if left out.
        title: What the page is called; needed here or in ``app.yaml``.
        summary: One or two sentences about it.
        slug: The last part of its address; made from the title if left out. The same again is a new version.
        language: ``de`` or ``en``; German if left out.
        parameters: What visitors may vary: ``{"sensor": ["north", "south"]}``, or a list of mappings with
            ``name``, ``title``, ``kind``, ``default``, and ``choices`` or ``min``, ``max`` and ``step``. The
            notebook assigns these names in the cell with the tag ``parameters``. Up to 24 variants are made
            ahead, of more the others when somebody asks for them. Of a ``date``, the notebook gets the text
            ``2026-01-31``.
        contact: Whom readers may ask; the tenant's contact if left out.
        licence: Of page and data; ``dl-de/zero-2.0`` if left out.
        source: Where the data comes from; the tenant's name if left out.
        refresh: How often the page is made anew, as ISO 8601 duration of at least ``PT5M``; never if left out.
        refresh_on_change: Whether it is made anew, too, when data that it has read were written; every 15 minutes
            at most.
        topics: By which readers find it: of ``AGRI``, ``ECON``, ``EDUC``, ``ENER``, ``ENVI``, ``GOVE``, ``HEAL``,
            ``INTR``, ``JUST``, ``REGI``, ``SOCI``, ``TECH``, ``TRAN``.
        embed_in: Web sites that may show the page in theirs, of those that the town's file allows.
        review_by: The day by which somebody looks whether the page still holds: you are reminded.
        expires: The last day on which the public finds the page.
        pictures_in_text: Whether pictures without a text show nothing that the page's text does not say; else you
            are asked for the texts of pictures that have none.
        files: Names of files beside the notebook that it reads; they are handed in with it, 1.5 MB at most.
        wait: Whether to wait until the notebook has been executed.

    Returns:
        A `Submission`: its state, what failed in which cell, what has to be released first, and where to go on.

    Raises:
        PublishError: what was handed in cannot be taken; the sentence says why.
        SessionError: outside of Urban Lab.

    Example:
        >>> ul.publish(title="Footfall in the centre", parameters={"sensor": ["north", "south"]}, refresh="PT1H")
    """
    session = current_session()
    path = _find_notebook(notebook)
    given = {
        "title": title,
        "summary": summary,
        "slug": slug,
        "language": language,
        "parameters": _to_list(parameters),
        "contact": contact,
        "licence": licence,
        "source": source,
        "refresh": refresh,
        "refresh_on_change": refresh_on_change,
        "topics": None if topics is None else list(topics),
        "embed_in": None if embed_in is None else list(embed_in),
        "review_by": None if review_by is None else str(review_by),
        "expires": None if expires is None else str(expires),
        "pictures_in_text": pictures_in_text,
        "files": None if files is None else list(files),
    }
    application = {
        **_read_side_car(path.with_name(SIDE_CAR)),
        **{name: value for name, value in given.items() if value is not None},
    }
    body: dict[str, Any] = {"notebook": _read_notebook(path), "application": application}
    if application.get("files"):
        body["files"] = _read_files(path.parent, application["files"])
    model = ask(session, "POST", "submissions", body)
    submission = Submission(session, model)
    return submission.wait() if wait else submission


def _find_notebook(notebook: str | Path | None) -> Path:
    """Return the notebook that is given, or the one that this kernel was started for.

    Jupyter Server tells ipykernel the notebook's path as ``JPY_SESSION_NAME``, which ipykernel keeps in the
    notebook's names as ``__session__``. It stays the old one when the notebook is renamed.
    """
    if notebook is not None:
        path = Path(notebook).expanduser()
        if not path.is_file():
            raise PublishError(f"There is no file {path}. Give the notebook's path as seen from here.")
        return path
    session_name = _find_session_name()
    if not session_name.endswith(".ipynb") or not Path(session_name).is_file():
        raise PublishError(
            "Which notebook? It cannot be told from here (it may have been renamed since its kernel started): "
            "give its path, for example ul.publish('footfall.ipynb', title=…)."
        )
    return Path(session_name)


def _find_session_name() -> str:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return str(shell.user_ns.get("__session__", "")) if shell is not None else ""


def _read_notebook(path: Path) -> dict[str, Any]:
    """Return the saved notebook without its outputs: they are not published and may be large."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "outputs" in cell:
                cell |= {"outputs": [], "execution_count": None}
        notebook.get("metadata", {}).pop("widgets", None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PublishError(f"{path.name} is no notebook that can be read.") from None
    return dict(notebook)


def _read_files(folder: Path, names: Any) -> dict[str, str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PublishError("`files` must be a list of names of files beside the notebook.")
    contents = {}
    for name in names:
        try:
            if Path(name).name != name:
                raise PublishError(f"{name} lies in another folder: copy it beside the notebook.")
            contents[name] = base64.b64encode((folder / name).read_bytes()).decode()
        except OSError as error:
            raise PublishError(f"The file {name} cannot be read: {error.strerror}.") from None
    return contents


def _read_side_car(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise PublishError(f"{path.name} beside the notebook is no list of `key: value` lines.")
    # YAML knows days, JSON does not.
    values = {key: str(value) if type(value) is date else value for key, value in values.items()}
    try:
        json.dumps(values)
    except (TypeError, ValueError):
        raise PublishError(
            f"{path.name} has a value that is neither text nor number: put it in quotes."
        ) from None
    return values


def _to_list(parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> list[Any] | None:
    if not isinstance(parameters, Mapping):
        return None if parameters is None else list(parameters)
    return [
        {"name": name, **value} if isinstance(value, Mapping) else {"name": name, "choices": list(value)}
        for name, value in parameters.items()
    ]
