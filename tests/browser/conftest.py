"""The whole system for a real browser: Redis, a simulated Amazon, a worker, a web server, and the machine's Chromium.

Screenshots are build output, ``build/screenshots/``, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from app import db
from app.auth.passwords import hash_password
from app.clock import utc_now
from app.crontab import entries
from app.crontab.code import jobs
from app.domains.accounts.users import register
from app.models.user import Role
from tests.acceptance.system import System, running_system

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
#: Nothing but the pages: no sandbox, which a container refuses, and no calls home.
FLAGS = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-domain-reliability", "--disable-sync", "--no-first-run", "--no-pings",
)  # fmt: skip
PASSWORD = "correct horse battery staple"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Chromium these are skipped and say so; in CI they fail."""
    if CHROMIUM is None and not os.environ.get("CI"):
        skipped = pytest.mark.skip(reason="no Chromium on this machine: install the package chromium")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skipped)


#: What is waited for comes by the page's stream, from programs that share the machine with other tests.
expect.set_options(timeout=20_000)


class Site:
    """The running system, its address, and people to sign in as."""

    def __init__(self, system: System, url: str) -> None:
        self.system = system
        self.url = url

    def add_person(self, role: Role) -> str:
        """Returns the address to sign in with."""
        with db.session() as session:
            return register(session, f"{role}@example.com", hash_password(PASSWORD), role).email


#: By role, the cookies of who has signed in: the door is slow, passwords being what they are.
_signed_in: dict[Role, StorageState] = {}


@pytest.fixture(scope="package")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """For the environment of the one system."""
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch) -> Iterator[Site]:
    """One system for all of these tests: each adds what it needs."""
    environment.setenv("TIMEZONE", "Europe/Madrid")
    with running_system(tmp_path_factory.mktemp("site"), environment) as system:
        jobs.cache_clear()  # they have their zone from TIMEZONE
        with db.session() as session:
            entries.sync(session, utc_now())
        system.start_worker(concurrency=3)
        site = Site(system, f"{system.start_web().url}/dashboard")
        for role in Role:
            site.add_person(role)
        _signed_in.clear()
        yield site
    jobs.cache_clear()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Started once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=60_000)
        yield browser
        browser.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser of one's own, signed in; a script that fails or is refused by the policy fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def visited(role: Role | None = Role.OPERATOR, *, size: dict[str, int] | None = None, dark: bool = False) -> Page:
        context = chromium.new_context(
            viewport=size or DESKTOP,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            storage_state=_signed_in.get(role) if role else None,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
        page.on("console", lambda said: troubles.append(f"{page.url}: {said.text}") if _refused(said.text) else None)
        if role in _signed_in:
            page.goto(f"{site.url}/audit")
            return page
        page.goto(f"{site.url}/sign-in")
        if role is not None:
            sign_in(page, role)
            _signed_in[role] = context.storage_state()
        return page

    yield visited
    for context in contexts:
        context.close()
    assert troubles == []


def sign_in(page: Page, role: Role) -> None:
    """At the door, as anybody would."""
    page.get_by_label("E-mail").fill(f"{role}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def _refused(said: str) -> bool:
    return "Content Security Policy" in said or "Refused" in said


def shoot(page: Page, name: str) -> None:
    """A picture of the whole page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
