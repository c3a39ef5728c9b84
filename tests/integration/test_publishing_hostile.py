"""Attacks by what is handed in and asked for: what a notebook shows, names of files, and addresses."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from playwright.sync_api import Browser, Page

from tests.extensions.runner.hostile_html import FAR, HOSTILE
from tests.installation import Installation
from urbanlab_operate.errors import OperateError

from .publishing import Town, find_publication, load_page, make_notebook, visit

TENANT = "guetersloh"


@pytest.fixture(scope="module")
def town(installation: Installation) -> Town:
    """The people of the tenant."""
    return Town(installation, TENANT)


@pytest.fixture(scope="module")
def waiting(town: Town) -> str:
    """A submission that nobody has released."""
    return town.submit("Verborgenes", "print('noch nicht')", slug="it-verborgen")


# --- addresses ---


@pytest.mark.parametrize("slug", ["../x", "a/b", "..%2fx", "A", "a--b", "live", "files", "-", "ä", "x" * 61])
def test_no_address_leads_elsewhere(town: Town, slug: str) -> None:
    with pytest.raises(OperateError, match="got 400"):
        town.hand_in("Wege", "1", slug=slug)


def test_files_of_what_is_not_released_are_at_no_address(
    installation: Installation, town: Town, waiting: str
) -> None:
    town.publish("Öffentlich", "print('ja')", slug="it-oeffentlich")
    public = find_publication(installation, TENANT, "it-oeffentlich")
    assert public is not None
    digests = {file.digest for file in load_page(installation, public.variants[""]).files}
    stored = {path.name for path in (installation.settings.public / "files").iterdir()}
    hidden = sorted(stored - digests)
    assert hidden
    base = f"/{TENANT}/it-oeffentlich"
    paths = [
        f"{base}/files/{digest}.{ending}" for digest in hidden[:20] for ending in ("html", "json", "png")
    ]
    paths += [f"{base}/files/{digest}.html" for digest in digests]  # the content has no address of its own
    paths += [f"{base}/files/../../../tenants.json", f"{base}/..%2f..%2ftenants.json", "/preview/x/", "//x/"]
    paths += [f"/preview/{'x' * 43}/", f"/{TENANT}/%2e%2e/%2e%2e/etc/passwd", f"/{TENANT}/it-verborgen/"]
    answers = {path: visit(installation, path, allow_redirects=False).status_code for path in paths}
    assert {path: status for path, status in answers.items() if status not in (400, 404, 308)} == {}


# --- what a notebook shows ---

# What would load something from elsewhere makes no page at all.
ACTING = [each for each in HOSTILE if not any(word in each for word in ("far.example", "file:", "../"))]
SHOWS = f"""
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
for each in {ACTING!r}:
    display(HTML(each)); display(Markdown(each)); print(each)
display(Javascript("window.hit = 1"), Latex("<script>window.hit=1</script>"))
display({{"application/javascript": "window.hit = 1", "text/plain": "x"}}, raw=True)
display(HTML("<p id=end>Das Ende</p>"), metadata={{"text/html": {{"isolated": True}}}})
"""
ACT = "<img src=x onerror=window.hit=1><script>window.hit=1</script>"


def test_nothing_that_a_notebook_shows_acts(installation: Installation, town: Town, browser: Browser) -> None:
    markdown = [new_markdown_cell(each) for each in ACTING]
    fields = {
        "slug": "it-feindlich",
        "summary": ACT,
        "contact": f"javascript:{ACT}",
        "licence": ACT[:90],
        "source": ACT,
        "pictures_in_text": "true",
        "parameter1_name": "p",
        "parameter1_title": ACT,
        "parameter1_choices": f"x = {ACT}",
    }
    settings = installation.settings
    parameters = "p = 'x'"
    cell = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    path = town.submit(f"{ACT} Titel", cell, *markdown, SHOWS, **fields)
    context = browser.new_context()
    requested: list[str] = []
    dialogs: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{settings.publisher_url}/login")
    page.locator("#username").fill(f"gatekeeper-{TENANT}")
    page.locator("#password").fill(installation.password(f"gatekeeper-{TENANT}"))
    page.locator("#kc-login").click()
    page.wait_for_url(f"{settings.publisher_url}/")
    page.goto(f"{settings.publisher_url}{path}")
    requested.clear()
    with context.expect_page() as opened:
        page.locator("form[action$='/preview'] button").first.click()
    preview = opened.value
    preview.wait_for_load_state("networkidle")
    assert_harmless(preview)
    page.locator("form[action$='/release'] button").click()
    page.goto(f"{settings.portal_url}/{TENANT}/it-feindlich/")
    page.wait_for_load_state("networkidle")
    assert_harmless(page)
    page.goto(f"{settings.portal_url}/{TENANT}/")
    assert page.evaluate("window.hit") is None
    context.close()
    own = {urlsplit(url).netloc for url in (settings.portal_url, settings.publisher_url, settings.hub_url)}
    assert {urlsplit(url).netloc for url in requested if url.startswith("http")} <= own
    assert dialogs == []
    town.decide(path, "takedown")


def assert_harmless(page: Page) -> None:
    """Assert that no script of the notebook has run in a page or one of its frames, and that it is shown."""
    assert "Das Ende" in page.locator("article").inner_text()
    assert [frame.evaluate("window.hit") for frame in page.frames] == [None] * len(page.frames)
    assert page.locator("article script, article form, article object, article embed").count() == 0


def test_what_would_load_from_others_is_refused_with_their_names(town: Town) -> None:
    path = town.hand_in(
        "Fremdes", f"from IPython.display import HTML\nHTML(\"<img src='{FAR}'>\")", slug="it-fremd"
    )
    assert town.wait(path) == "failed"
    assert "nothing from third parties" in town.read(path)
    assert "far.example" in town.read(path)


def test_a_file_name_does_not_act(town: Town, installation: Installation) -> None:
    notebook = json.dumps(make_notebook("1")).encode()
    for name in ("../../x.ipynb", '"><script>window.hit=1</script>.ipynb'):
        path = town.publisher.post(
            "/publish", {"title": "Dateiname", "slug": "it-datei"}, {"notebook": (name, notebook)}
        )
        assert town.wait(path) == "submitted"
        assert "<script>" not in town.publisher.get(path)


def test_a_preview_can_be_opened_once(town: Town, waiting: str, installation: Installation) -> None:
    address = urlsplit(town.gatekeeper.post(f"{waiting}/preview", {})).path  # the session went there
    assert address.startswith("/preview/")
    assert visit(installation, address).status_code == 410
    assert visit(installation, address[:-3] + "xx/").status_code == 404
