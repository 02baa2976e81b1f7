"""The whole system for a real browser: Redis, a simulated Amazon, a worker, a web server, and the machine's Chromium.

Screenshots are build output, ``build/screenshots/``, to be looked at.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from app import db
from app.auth.passwords import hash_password
from app.clock import utc_now
from app.crontab import entries
from app.domains.accounts.users import register
from app.models.user import Role
from tests.acceptance.system import System, running_system
from tests.servers import free_port, wait_for

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


class Site:
    """The running system, its address, and people to sign in as."""

    def __init__(self, system: System, url: str) -> None:
        self.system = system
        self.url = url

    def add_person(self, role: Role) -> str:
        """Returns the address to sign in with."""
        with db.session() as session:
            return register(session, f"{role}@example.com", hash_password(PASSWORD), role).email


@pytest.fixture(scope="session")
def monkeysession() -> Iterator[pytest.MonkeyPatch]:
    """For the environment of the one system."""
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, monkeysession: pytest.MonkeyPatch) -> Iterator[Site]:
    """One system for all of these tests: each adds what it needs."""
    directory = tmp_path_factory.mktemp("site")
    port = free_port()
    monkeysession.setenv("TIMEZONE", "Europe/Madrid")
    monkeysession.setenv("WEB_PORT", str(port))
    with running_system(directory, monkeysession) as system:
        with db.session() as session:
            entries.sync(session, utc_now())
        system.start_worker(concurrency=3)
        with (directory / "web.log").open("w") as log:
            command = [str(Path(sys.executable).with_name("gunicorn")), "--workers=1", "app.wsgi:application"]
            web = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        site = Site(system, f"http://127.0.0.1:{port}/dashboard")
        try:
            wait_for(lambda: _answers(site.url), "the web server to answer", timeout_s=60, every_s=0.1)
            for role in Role:
                site.add_person(role)
            yield site
        finally:
            web.send_signal(signal.SIGQUIT)  # gunicorn's quick shutdown
            web.wait(timeout=15)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/sign-in", timeout=10).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Started once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=60_000)
        yield browser
        browser.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """Opens a browser of one's own, signed in; a script or a style that fails or is refused fails the test."""
    contexts = []
    troubles: list[str] = []

    def signed_in(
        role: Role | None = Role.OPERATOR, *, size: dict[str, int] | None = None, colours: str = "light"
    ) -> Page:
        context = chromium.new_context(viewport=size or DESKTOP, color_scheme=colours)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
        page.on("console", lambda said: troubles.append(f"{page.url}: {said.text}") if "Refused" in said.text else None)
        page.goto(f"{site.url}/sign-in")
        if role is not None:
            page.get_by_label("E-mail").fill(f"{role}@example.com")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_load_state()
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert troubles == []


def shoot(page: Page, name: str) -> None:
    """A picture of the whole page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
