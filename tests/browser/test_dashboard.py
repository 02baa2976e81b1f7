"""What people do with the dashboard, in a real browser, against the real system."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app import db
from app.domains.accounts.sellers import accounts_of
from app.models.user import Role
from tests.browser.conftest import DESKTOP, PHONE, Site, Visit, shoot

#: A form that the page does not offer, with the page's own token.
SENT_BY_HAND = """() => {
  const form = document.createElement("form");
  form.method = "post"; form.action = `${location.pathname}/run`;
  form.append(document.querySelector("[name=csrf]").cloneNode());
  document.body.append(form); form.submit();
}"""
#: Beyond this a phone on a bad line waits.
MOST_BYTES = 150_000


def test_a_refresh_is_watched_while_it_runs(site: Site, visit: Visit) -> None:
    """Sign in, find the user, press the button: the page shows the end of it without being loaded again."""
    user_id = site.system.add_user("ada", accounts=2)
    page = visit(Role.OPERATOR)
    page.goto(f"{site.url}/users?find=ada@")
    page.get_by_role("link", name="ada@example.com").click()
    expect(page.get_by_text("not tried yet").first).to_be_visible()

    page.get_by_role("button", name="Refresh now").click()

    expect(page.get_by_role("status")).to_contain_text("is on its way")
    page.evaluate("window.mark = 'the same page'")
    expect(page.locator("#history tbody tr").first.get_by_text("completed")).to_be_visible(timeout=30_000)
    expect(page.locator("#freshness").get_by_text("fresh").nth(3)).to_be_visible()
    assert page.evaluate("window.mark") == "the same page"
    assert page.url.endswith(f"/users/{user_id}")


def test_an_entry_is_run_and_its_session_followed(site: Site, visit: Visit) -> None:
    """From the list to the run that completed."""
    page = visit(Role.ADMIN)
    page.goto(f"{site.url}/schedule/sampleJob")

    page.get_by_role("button", name="Run now").click()

    expect(page.get_by_role("status")).to_contain_text("sampleJob is on its way")
    expect(page.locator("#runs").get_by_text("completed").first).to_be_visible()
    page.locator("#runs tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sampleJob (manual)")


def test_a_change_of_an_entry_is_seen_before_it_is_made(site: Site, visit: Visit) -> None:
    """In words and moments."""
    page = visit(Role.ADMIN)
    page.goto(f"{site.url}/schedule/cleanupSessions/edit")

    page.get_by_label(re.compile("^Schedule")).fill("30 4 * * 1")
    page.get_by_role("button", name="Preview").click()

    expect(page.get_by_text("At 04:30 on Monday, Europe/Madrid")).to_be_visible()
    shoot(page, "entry-edit-light-1280")
    page.get_by_label(re.compile("^Why")).fill("nights are busy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("At 04:30 on Monday, Europe/Madrid")).to_be_visible()


def test_a_viewer_sees_and_is_refused(site: Site, visit: Visit) -> None:
    """No button on the page, and a form that is made by hand is refused by the server."""
    page = visit(Role.VIEWER)
    page.goto(f"{site.url}/schedule/sampleJob")
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)

    page.evaluate(SENT_BY_HAND)

    expect(page.get_by_role("heading", level=1)).to_have_text("Not for you to do")
    expect(page.get_by_text("this needs the role 'admin'; yours is 'viewer'")).to_be_visible()
    shoot(page, "refused-light-1280")


def test_the_pages_are_walked_by_keys(site: Site, visit: Visit) -> None:
    """Rows with j and k, Enter opens, ? helps, / searches."""
    page = visit(Role.VIEWER)
    page.goto(f"{site.url}/schedule")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("tr.here")).to_have_count(1)
    first = page.locator("tr[data-row] a").first.text_content()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(first or "")


def test_colours_are_the_systems_until_somebody_chooses(visit: Visit) -> None:
    """The choice stays, and no page flashes: the server knows it."""
    page = visit(Role.VIEWER, colours="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    by_system = page.evaluate(ground)

    page.get_by_role("button", name="Light").click()
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "light"
    assert page.evaluate(ground) != by_system


def test_a_list_under_the_pointer_does_not_move(site: Site, visit: Visit) -> None:
    """What has changed comes when the pointer has gone."""
    user_id = site.system.add_user("bob")
    page = visit(Role.OPERATOR)
    page.goto(f"{site.url}/users/{user_id}")
    site.system.ended(site.system.refresh(user_id))
    row = page.locator("#history tbody tr").first
    expect(row).to_be_visible()

    row.hover()
    site.system.ended(site.system.refresh(user_id))
    expect(page.locator("[data-live-state]")).to_have_text("waiting")
    under_the_pointer = page.locator("#history tbody tr").count()
    page.mouse.move(0, 0)

    expect(page.locator("#history tbody tr")).to_have_count(2)
    assert under_the_pointer == 1


@pytest.mark.parametrize(
    ("colours", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]
)
def test_every_page_fits_and_is_light(site: Site, visit: Visit, colours: str, size: dict[str, int]) -> None:
    """No page is wider than its screen or heavier than 150 kB, and each has a heading, a title and labels."""
    late = site.system.add_user(f"late-{colours}-{size['width']}")
    _authorise_again(late)
    page = visit(None, size=size, colours=colours)
    shoot(page, f"sign-in-{colours}-{size['width']}")
    page = visit(Role.ADMIN, size=size, colours=colours)
    paths = {
        "overview": "overview", "users": "users", "user": f"users/{late}", "schedule": "schedule",
        "entry": "schedule/sampleJob", "sessions": "sessions", "workers": "workers", "audit": "audit",
        "stop": "emergency-stop",
    }  # fmt: skip

    for name, path in paths.items():
        weight = _weigh(page, f"{site.url}/{path}")
        shoot(page, f"{name}-{colours}-{size['width']}")

        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        assert weight < MOST_BYTES, name
        assert page.locator("h1").count() == 1, name
        assert page.evaluate(UNLABELLED) == [], name


#: Fields and buttons that a screen reader could not name.
UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a")]
  .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim() || one.title))
  .map((one) => one.outerHTML)"""


def _weigh(page: Page, url: str) -> int:
    """What comes over the line for a page that nobody has seen before."""
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(url)
    page.wait_for_timeout(250)  # for the charts, which are drawn after the page has come
    return sum(sizes)


def _authorise_again(user_id: str) -> None:
    with db.session() as session:
        for account in session.scalars(accounts_of(user_id)):
            account.state, account.state_reason = "needs_reauthorisation", "Amazon says invalid_grant"
