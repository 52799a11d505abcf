"""What a browser is told beside the pages: what it may keep, what it may load, what it may ask."""

from collections.abc import Iterator

import httpx
import pytest
from browser import addresses
from browser.reader import PENDING
from browser.sites import Site
from support.processes import eventually

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def client(sample: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sample.base, timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def pages(sample: Site) -> dict[str, str]:
    return addresses.every_page(sample.names()) | addresses.NOT_THERE


def whole(client: httpx.Client, path: str) -> httpx.Response:
    """Return a page all of whose parts came in time."""
    found: list[httpx.Response] = []

    def come() -> bool:
        found[:] = [client.get(path)]
        return PENDING not in found[0].text

    eventually(come, what=f"all of {path}")
    return found[0]


def test_head_is_answered_as_get(client: httpx.Client, pages: dict[str, str]) -> None:
    """The same status and headers, without the page."""
    for path in pages.values():
        got, head = whole(client, path), client.head(path)
        assert head.status_code == got.status_code
        assert head.content == b""
        for name in ("content-type", "content-security-policy", "cache-control"):
            assert head.headers[name] == got.headers[name], path


def test_what_did_not_change_is_not_sent_again(client: httpx.Client, pages: dict[str, str]) -> None:
    """Each page has a validator; 304 without a body while it holds, also for HEAD."""
    for name, path in pages.items():
        if name in addresses.NOT_THERE or name == "status":
            continue
        told = client.get(path)

        def holds(path: str = path) -> bool:
            """Ask again; what changed, because a part came or a minute passed, is taken."""
            nonlocal told
            told = client.get(path, headers={"If-None-Match": told.headers["etag"]})
            return told.status_code == 304

        eventually(holds, what=f"304 of {path}")
        assert told.content == b""
        assert client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_nothing_but_its_own_files_is_loaded(client: httpx.Client, pages: dict[str, str]) -> None:
    """A policy without inline scripts, in every answer."""
    for path in (*pages.values(), "/live", "/spark.svg?name=x", "/static/nothing"):
        headers = client.get(path).headers
        policy = dict(
            directive.strip().partition(" ")[::2]
            for directive in headers["content-security-policy"].split(";")
            if directive.strip()
        )
        assert policy["default-src"] == "'none'", path
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        for name in ("script-src", "style-src", "connect-src", "font-src"):
            assert policy.get(name, "'none'") in ("'self'", "'none'"), path
        assert headers["x-content-type-options"] == "nosniff"


def test_files_are_kept_for_good(client: httpx.Client) -> None:
    """Their addresses change with what is in them."""
    page = client.get("/").text
    found = [part.split('"')[0] for part in page.split('="')[1:] if part.startswith("/static/")]
    assert found
    for path in found:
        answer = client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_it_is_only_for_reading(client: httpx.Client, method: str) -> None:
    """Nothing can be changed here."""
    assert client.request(method, "/").status_code in (405, 501)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/..%2f",
    ],
)
def test_no_other_file_is_served(sample: Site, path: str) -> None:
    """Whatever is asked for."""
    with httpx.Client(timeout=60) as client:
        url = httpx.URL(sample.base).copy_with(raw_path=path.encode())
        assert client.get(url).status_code in (400, 404)


def test_other_names_are_not_answered(client: httpx.Client) -> None:
    """A page elsewhere cannot reach it by a name that leads here."""
    assert client.get("/", headers={"Host": "evil.example"}).status_code in (400, 403, 421)


def test_probes_and_metrics(sample: Site) -> None:
    """As in the services."""
    base = f"http://127.0.0.1:{sample.dashboard.admin_port}"
    client = httpx.Client(base_url=base, timeout=60)
    with client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert "newstally_dashboard_" in client.get("/metrics").text
