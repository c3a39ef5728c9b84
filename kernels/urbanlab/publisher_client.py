"""The publisher service as a kernel asks it: hand in, ask for data, see how it goes."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from urbanlab.errors import PublishError, SessionError
from urbanlab.session import Session

TIMEOUT_SECONDS = 60


def ask(session: Session, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the publisher's answer; raise `PublishError` with its sentence, or `SessionError`."""
    if not session.publisher_url:
        raise SessionError("Nothing can be published from here: this session knows no publisher.")
    content = (
        json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass") if body is not None else None
    )
    status, answer = _send(session, method, path, content)
    if status == http.client.UNAUTHORIZED:
        # It ended on its way, or the publisher has been set up anew: once more with a new one.
        session.credentials.forget("publisher")
        status, answer = _send(session, method, path, content)
    if not 200 <= status < 300:
        raise PublishError(_find_sentence(answer, status))
    return answer


def _send(session: Session, method: str, path: str, content: bytes | None) -> tuple[int, dict[str, Any]]:
    address = urlsplit(session.publisher_url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    headers = {
        "Authorization": f"Bearer {session.credentials.get('publisher').reveal()}",
        "Content-Type": "application/json",
    }
    try:
        connection.request(method, f"{address.path.rstrip('/')}/api/{path}", content, headers)
        response = connection.getresponse()
        return response.status, _to_object(response.read())
    except (OSError, http.client.HTTPException):
        raise PublishError(
            "Urban Lab's publisher does not answer. Try again in a moment; if it stays so, tell the operator."
        ) from None
    finally:
        connection.close()


def _to_object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _find_sentence(answer: dict[str, Any], status: int) -> str:
    error = answer.get("error")
    if isinstance(error, dict) and error.get("message"):
        return str(error["message"])
    return f"Urban Lab's publisher gave no answer that can be read (status {status}). Try again in a moment."
