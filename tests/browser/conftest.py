"""One browser and the dashboards that it looks at, for all tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from browser import chromium, sites
from browser.sites import ALL, Site
from playwright.async_api import Browser
from support import firestore_emulator

KINDS = ("sample", "secured", "firestore", "shared") if ALL else ("sample",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why nothing is looked at where there is no browser."""
    why = chromium.missing()
    for item in items:
        if why is not None and "browser" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.launched() as launched:
        yield launched


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The articles of the repository, found by the default pipeline."""
    with sites.site(tmp_path_factory.mktemp("sample"), sites.sample()) as made:
        yield made


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Names as no editor would write them, and 10,000 publications."""
    path = tmp_path_factory.mktemp("hostile")
    with sites.site(path, sites.hostile_articles(), engine=sites.NAMED) as made:
        yield made


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """No article yet."""
    path = tmp_path_factory.mktemp("empty")
    with sites.site(path, engine=sites.NAMED, dashboard_flags=sites.PATIENT) as made:
        yield made


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With keys and TLS; the dashboard may only read."""
    with sites.secured(tmp_path_factory.mktemp("secured"), sites.sample()) as made:
        yield made


@pytest.fixture(scope="session")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The sample in the Firestore emulator."""
    if (why := firestore_emulator.missing()) is not None:
        pytest.skip(why)
    flags = sites.firestore_flags()
    with sites.site(tmp_path_factory.mktemp("firestore"), sites.sample(), sink=flags) as made:
        yield made


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Thousands of real articles of twenty-five years."""
    if not sites.SHARED.exists():
        pytest.skip(f"no articles at {sites.SHARED}")
    with sites.site(tmp_path_factory.mktemp("shared")) as made:
        made.upload_file(sites.SHARED)
        yield made


@pytest.fixture(scope="session", params=KINDS)
def filled(request: pytest.FixtureRequest) -> Site:
    """A dashboard with articles behind it: every kind that is asked for."""
    made: Site = request.getfixturevalue(request.param)
    return made
