"""What people send: the fields of a form, as the rules want them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tornado.httputil import HTTPFile, HTTPServerRequest

from urbanlab.contract.records import Tenant
from urbanlab_services.errors import InvalidRequestError
from urbanlab_services.publisher.applications import KEYS, parse_app_yaml

PARAMETERS = 3  # that the form has room for; `app.yaml` may have more
_PARAMETER_FIELDS = ("name", "title", "kind", "choices", "default", "min", "max", "step")
TEXT_FIELDS = tuple(key for key in KEYS if key not in ("parameters", "files"))
FORM_FIELDS = (
    *TEXT_FIELDS,
    *(f"parameter{number}_{name}" for number in range(1, PARAMETERS + 1) for name in _PARAMETER_FIELDS),
)


@dataclass(frozen=True)
class PublishForm:
    """The form of a page to be: `fields` as they were typed, the bytes of the files, their names for the eye."""

    fields: dict[str, str]
    notebook: bytes
    app_yaml: bytes
    file_names: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)  # what the notebook reads

    def to_values(self) -> dict[str, Any]:
        """Return the values for `parse_application`: those of `app.yaml`, what was typed laid over them.

        Raises `ApplicationError` for an `app.yaml` that cannot be read, `InvalidRequestError` without a notebook.
        """
        values = parse_app_yaml(self.app_yaml) if self.app_yaml else {}
        values |= {name: self.fields[name] for name in TEXT_FIELDS if self.fields[name].strip()}
        if parameters := self._list_parameters():
            values["parameters"] = parameters
        if self.files:
            listed = values.get("files") or []
            named = re.split(r"[,\s]+", listed.strip()) if isinstance(listed, str) else listed
            if isinstance(named, list):
                values["files"] = [*named, *(name for name in self.files if name not in named)]
        if not self.notebook:
            raise InvalidRequestError("Choose a notebook, a file that ends with .ipynb.", code="no_notebook")
        return values

    def _list_parameters(self) -> list[dict[str, Any]]:
        rows = (
            {name: self.fields[f"parameter{number}_{name}"].strip() for name in _PARAMETER_FIELDS}
            for number in range(1, PARAMETERS + 1)
        )
        return [
            {**row, "choices": parse_choices(row["choices"])} for row in rows if row["name"] or row["choices"]
        ]


def read_publish_form(request: HTTPServerRequest) -> PublishForm:
    """Return what was sent, whatever it is."""
    notebook, app_yaml = _find_file(request.files, "notebook"), _find_file(request.files, "app_yaml")
    attached = [file for file in request.files.get("files") or [] if file["filename"]]
    names = tuple(file["filename"][:100] for file in (notebook, app_yaml, *attached) if file)
    return PublishForm(
        fields=read_fields(request, FORM_FIELDS),
        notebook=notebook["body"] if notebook else b"",
        app_yaml=app_yaml["body"] if app_yaml else b"",
        file_names=names,
        files={file["filename"]: file["body"] for file in attached},
    )


def read_fields(request: HTTPServerRequest, names: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of a form's fields, empty where one was not sent, with blanks between several."""
    return {name: _decode(b" ".join(request.body_arguments.get(name, []))) for name in names}


def read_picture_texts(request: HTTPServerRequest) -> tuple[dict[int, str], bool]:
    """Return the texts for pictures by their cells, and whether somebody says that none is needed."""
    names = tuple(name for name in request.body_arguments if re.fullmatch(r"text[0-9]{1,4}", name))
    fields = read_fields(request, (*names, "in_text"))
    return {int(name[4:]): fields[name] for name in names}, bool(fields["in_text"])


def make_empty_form() -> PublishForm:
    """Return the form before anybody has typed."""
    return PublishForm(dict.fromkeys(FORM_FIELDS, ""), b"", b"", ())


def parse_choices(text: str) -> list[dict[str, str]]:
    """Return the choices of a field: one a line, ``value = title`` or the value alone.

    >>> parse_choices("north = The north\\nsouth")
    [{'value': 'north', 'title': 'The north'}, {'value': 'south', 'title': ''}]
    """
    lines = (line.partition("=") for line in text.splitlines() if line.strip())
    return [{"value": value.strip(), "title": title.strip()} for value, _, title in lines]


def make_data_values(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the values for a dataset's request from the fields of its form, without those left empty."""
    values: dict[str, Any] = {name: fields[name] for name in _PLAIN_DATA_FIELDS if fields[name].strip()}
    for name in ("title", "description"):
        texts = {code: fields[f"{name}_{code}"] for code in ("de", "en") if fields[f"{name}_{code}"].strip()}
        if texts:
            values[name] = texts
    return values


_PLAIN_DATA_FIELDS = (
    *("dataset", "table", "licence", "note"),
    *("partner", "until", "columns", "where"),
)
DATA_FIELDS = (
    *_PLAIN_DATA_FIELDS,
    *(f"{name}_{code}" for name in ("title", "description") for code in ("de", "en")),
)


def suggest_data_fields(need: str, tenant: Tenant | None) -> dict[str, str]:
    """Return the fields of a request for what a notebook needs, with what the tenant's file says about the feed."""
    fields = dict.fromkeys(DATA_FIELDS, "") | {"dataset": need}
    name = need.rpartition(".")[2]
    feed = next((feed for feed in tenant.feeds if feed.name == name), None) if tenant else None
    if feed and tenant and need in {name, f"{tenant.id}.{name}"}:
        fields |= {"licence": feed.licence}
        fields |= {f"title_{code}": feed.title.get(code, "") for code in ("de", "en")}
        fields |= {f"description_{code}": feed.description.get(code, "") for code in ("de", "en")}
    return fields


def _find_file(files: Mapping[str, list[HTTPFile]], name: str) -> HTTPFile | None:
    found = files.get(name) or []
    # A browser sends an empty part for a file that was not chosen.
    return found[0] if found and (found[0]["body"] or found[0]["filename"]) else None


def _decode(value: bytes) -> str:
    try:
        return value.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidRequestError("This form is not written in UTF-8.") from None
