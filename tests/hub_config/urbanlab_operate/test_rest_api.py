"""Our own HTTP interfaces as the operator's command asks them: failures are sentences, the token stays inside."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from urbanlab.contract.secrets import Secret
from urbanlab_operate.changes import ApplyError
from urbanlab_operate.rest_api import RestApi

TOKEN = "token-of-this-test"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path names, and says who asked."""

    def do_GET(self) -> None:
        status = int(self.path.strip("/"))
        body = b"<html>" if status == 200 else f'{{"asked": "{self.headers["Authorization"]}"}}'.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if status != 204 else 0))
        self.send_header("Location", "/201")
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def api() -> Iterator[RestApi]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield RestApi("The hub", f"http://127.0.0.1:{server.server_port}", Secret(TOKEN))
        server.shutdown()


def test_an_answer_is_its_values(api: RestApi) -> None:
    assert api.request("GET", "/201") == {"asked": f"Bearer {TOKEN}"}
    assert api.request("GET", "/204") is None
    assert api.request("GET", "/404", fine=(404,)) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/401", "The hub refuses the operator's token"),
        ("/403", "The hub refuses the operator's token"),
        ("/404", "The hub answered GET /404 with 404"),
        ("/302", "The hub answered GET /302 with 302"),  # a redirect would carry the token elsewhere
        ("/200", "is not the hub: free that port"),
    ],
)
def test_a_failure_is_one_sentence_without_the_token(api: RestApi, path: str, said: str) -> None:
    with pytest.raises(ApplyError) as caught:
        api.request("GET", path)
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_silence_is_said(api: RestApi) -> None:
    silent = RestApi("The hub", "http://127.0.0.1:1", Secret(TOKEN))
    with pytest.raises(ApplyError, match=r"does not answer at http://127\.0\.0\.1:1: see `urbanlab status`"):
        silent.request("GET", "/")
