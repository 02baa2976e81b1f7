"""Faults 26 in a real browser: sixty scripts that want to run, forms of other sites, and frames around ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from app import db
from app.jobs.catalog import NOTIFICATIONS
from app.jobs.engine import find_queue
from app.models.audit_entry import AuditEntry
from app.models.user import Role
from tests.browser.conftest import Site, Visit
from tests.browser.payloads import PAYLOADS
from tests.browser.planted import Planted, plant

#: Before anything of a page: what ran and what the policy refused is heard.
LISTEN = """
window.heard = [];
window.ran = window.alert = () => window.heard.push("a script ran");
document.addEventListener("securitypolicyviolation", (event) => heard.push(`refused: ${event.violatedDirective}`));
"""
#: What has been heard by now; links that lead elsewhere; elements that no page of ours has.
HEARD = """async () => {
  await new Promise((done) => setTimeout(done, 15));
  const foreign = "script, iframe, object, embed, base, meta, link, style, video, audio, math, marquee, img";
  const handles = (one) => [...one.attributes].some((attribute) => /^on|^style$/.test(attribute.name));
  const ours = [...document.querySelector("main").querySelectorAll("*")].filter((one) => !one.closest(".uplot"));
  return [...heard, ...ours.filter((one) => one.matches(foreign) || handles(one)).map((one) => one.outerHTML),
    ...[...document.links].filter((one) => one.origin !== location.origin).map((one) => one.outerHTML)];
}"""
#: Which of the texts run where nothing is escaped: each in a frame of its own.
UNESCAPED = """async (texts) => {
  const ran = new Set();
  texts.forEach((text, at) => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.contentWindow.ran = () => ran.add(at);
    frame.contentDocument.write(text);
    frame.contentDocument.close();
  });
  await new Promise((done) => setTimeout(done, 700));
  return ran.size;
}"""
#: A page of somebody else's: a form that sends itself, or a frame around ours.
FORM = """<form method="post" action="{0}"><input name="name" value="notifications"><input name="reason" value="evil">
<input name="csrf" value="{1}"></form><script>document.forms[0].submit()</script>"""
FRAME = """<iframe src="{0}" width="900" height="600"></iframe>"""


@pytest.fixture(scope="module")
def planted(site: Site) -> Planted:
    """Each text wherever words of others are shown."""
    return plant(site.system, PAYLOADS)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """Another web server: its port. As localhost it is another site, as 127.0.0.1 the same site, another origin."""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            page = FORM if self.path.startswith("/form") else FRAME
            body = page.format(escape(asked["to"][0]), "0" * 64).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """It says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_the_sixty_texts_do_run_where_nothing_is_escaped(chromium: Browser) -> None:
    """Else the next test would prove nothing. The others need a click, another parser, or another place."""
    page = chromium.new_context().new_page()

    ran = page.evaluate(UNESCAPED, list(PAYLOADS))

    page.context.close()
    assert len(set(PAYLOADS)) == 60
    assert ran >= 30


def test_no_text_of_others_runs_on_any_page(site: Site, planted: Planted, visit: Visit) -> None:
    """Not one script, not one refusal by the policy: nothing of them is more than text, on 130 pages."""
    page = visit(Role.ADMIN)
    page.add_init_script(LISTEN)
    paths = [
        *("overview", "users", "users?after=u5", "queues/user-updates?state=failed", "failures", "sessions", "workers"),
        *("sessions?status=FAILED", "audit", "schedule", "search?q=state:failed"),
        *("templates", "templates?after=planted-4", "templates/planted-0/remove"),
        *(f"jobs/user-updates/{quote(job_id)}" for job_id in planted.jobs[: len(PAYLOADS)]),
        *(f"jobs/user-updates/{quote(job_id)}" for job_id in planted.jobs[len(PAYLOADS) :: 6]),
        *(f"users/{user_id}" for user_id in planted.users[::6]),
        *(f"failures/{group}" for group in planted.groups[::6]),
        *(f"search?q={quote(text)}" for text in PAYLOADS[::4]),
        *(f"audit?target={quote(text)}" for text in PAYLOADS[::6]),
        *(f"users?find={quote(text)}" for text in PAYLOADS[::6]),
    ]

    found = {path: _heard(page, f"{site.url}/{path}") for path in paths}

    assert {path: heard for path, heard in found.items() if heard} == {}


@pytest.mark.parametrize("number", range(0, 60, 7))
def test_a_text_is_shown_as_it_is(site: Site, planted: Planted, visit: Visit, number: int) -> None:
    """Refusing to run it is not to hide it."""
    page = visit(Role.ADMIN)

    page.goto(f"{site.url}/jobs/user-updates/{planted.jobs[number]}")

    expect(page.get_by_role("heading", level=1)).to_have_text(PAYLOADS[number])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("act", ["queues/notifications/pause", "queues/notifications/clean?hours=0", "emergency-stop"])
def test_a_form_of_another_site_changes_nothing(site: Site, elsewhere: int, visit: Visit, host: str, act: str) -> None:
    """Though the browser is signed in as an administrator, and for 127.0.0.1 even sends its cookie along."""
    page = visit(Role.ADMIN)
    before = _acts()

    page.goto(f"http://{host}:{elsewhere}/form?to={quote(f'{site.url}/{act}')}")

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("this form was not sent by a page of yours")).to_be_visible()
    assert page.url.startswith(site.url)
    assert not find_queue(NOTIFICATIONS).is_paused()
    assert _acts() == before


def test_no_other_site_can_frame_a_page(site: Site, elsewhere: int, visit: Visit) -> None:
    """A click meant for something else cannot be led to a button of ours."""
    page = visit(Role.ADMIN).context.new_page()  # that a frame is refused is no trouble here
    page.goto(f"http://127.0.0.1:{elsewhere}/frame?to={quote(f'{site.url}/overview')}")

    (frame,) = page.frames[1:]

    assert frame.url == "chrome-error://chromewebdata/"
    assert frame.locator("h1", has_text="late").count() == 0


def _heard(page: Page, url: str) -> list[str]:
    page.goto(url)
    heard: list[str] = page.evaluate(HEARD)
    return heard


def _acts() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count(AuditEntry.id))) or 0
