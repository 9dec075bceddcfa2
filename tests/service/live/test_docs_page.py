"""The page at /docs in a real browser."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.service.live.browser import Page, find_browser, open_page
from tests.service.live.running import Service


@pytest.fixture(scope="module")
def browser() -> str:
    """Path of the browser."""
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="module")
def page(api: Service, browser: str, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """What somebody sees who opens the address that the service prints at its start."""
    return open_page(browser, api.url + "/", tmp_path_factory.mktemp("browser"))


def test_the_page_shows_every_operation(api: Service, page: Page) -> None:
    described = httpx.get(api.url + "/openapi.json", timeout=10).json()["paths"]
    shown = re.findall(r'class="opblock-summary-path"[^>]* data-path="([^"]+)"', page.dom)
    assert sorted(shown) == sorted(path for path, item in described.items() for _ in item)
    assert "Classify pictures" in page.dom


def test_the_page_loads_nothing_from_outside(api: Service, page: Page) -> None:
    assert page.requested == {
        api.url + path
        for path in (
            "/",
            "/docs",
            "/openapi.json",
            "/static_content/swagger-ui.css",
            "/static_content/swagger-ui-bundle.js",
        )
    }


def test_the_page_has_nothing_to_complain_about(page: Page) -> None:
    assert page.complaints == []


def test_nothing_of_the_page_names_another_host(api: Service) -> None:
    with api.client() as client:
        html = client.get("/docs").text
        assert not re.search(r"(?:src|href|url)\s*[=:(]\s*[\"']?(?:https?:)?//", html)
        assert "googletagmanager" not in html
        policy = client.get("/docs").headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert not re.search(r"https?:|\*", policy)


@pytest.mark.parametrize(
    "path",
    ["/docs.json", "/static_content/index.html", "/static_content/index.css", "/static_content/swagger-initializer.js",
     "/static_content/marked.min.js", "/static_content/", "/static_content", "/health", "/healthz", "/is_ready"],
)  # fmt: skip
def test_no_other_page_of_the_framework_can_be_reached(api: Service, path: str) -> None:
    response = httpx.get(api.url + path, timeout=10)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


class _Leaky(BaseHTTPRequestHandler):
    """A page that does what ours must not."""

    def do_GET(self) -> None:
        elsewhere = self.headers["Host"].replace("127.0.0.1", "localhost")
        body = f'<img src="http://{elsewhere}/outside.png"><script>console.error("oh")</script>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


@pytest.fixture(scope="module")
def leaky_url() -> Iterator[str]:
    """Address of such a page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Leaky) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_page_that_asks_elsewhere_would_be_noticed(browser: str, leaky_url: str, tmp_path: Path) -> None:
    page = open_page(browser, leaky_url, tmp_path)
    assert leaky_url.replace("127.0.0.1", "localhost") + "outside.png" in page.requested
    assert any("oh" in complaint for complaint in page.complaints)
