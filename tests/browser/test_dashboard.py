"""What people do with the dashboard, in a real browser, against the real system."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from app.jobs.catalog import NOTIFICATIONS, USER_UPDATES
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user
from app.models.user import Role
from tests.browser.conftest import PASSWORD, Site, Visit, shoot

#: A form that the page does not offer, with the page's own token.
SENT_BY_HAND = """() => {
  const form = document.createElement("form");
  form.method = "post"; form.action = `${location.pathname}/run`;
  form.append(document.querySelector("[name=csrf]").cloneNode());
  document.body.append(form); form.submit();
}"""


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


def test_a_failed_job_is_opened_and_its_group_tried_again(site: Site, visit: Visit) -> None:
    """From the list of failures to the job, its error and trace; from the group to the job that retries it."""
    for name in ("tim", "vint"):
        site.system.ended(enqueue_user(site.system.add_user(name), country="BR", region="NA"))
    page = visit(Role.OPERATOR)
    page.get_by_role("link", name="Failures").click()
    page.get_by_role("link", name=re.compile("has no seller account")).click()
    page.locator("#jobs tbody a.mono").first.click()
    expect(page.get_by_text("What has become of it")).to_be_visible()
    expect(page.locator("#attempts")).to_contain_text("has no seller account in country 'BR'")
    page.go_back()

    page.get_by_role("link", name="Retry this group").click()
    expect(page.get_by_text(re.compile(r"\d+ users are hit"))).to_be_visible()
    page.get_by_label(re.compile("^Why")).fill("they have come back")
    page.get_by_role("button", name=re.compile(r"^Retry \d")).click()

    expect(page.get_by_role("status")).to_have_text("The jobs are being tried again.")
    expect(page.locator("#where").get_by_text("completed").first).to_be_visible()
    page.goto(f"{site.url}/audit")
    expect(page.get_by_text("they have come back").first).to_be_visible()


def test_a_queue_is_paused_by_its_name_and_a_reason(site: Site, visit: Visit) -> None:
    """A wrong name is refused beside its field, and what was typed stays."""
    page = visit(Role.OPERATOR)
    page.goto(f"{site.url}/queues/{NOTIFICATIONS}")
    page.get_by_role("link", name="Pause").click()
    page.get_by_label(re.compile("^Type")).fill("notification")
    page.get_by_label(re.compile("^Why")).fill("the mail server moves")
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("type notifications exactly")).to_be_visible()
    assert not find_queue(NOTIFICATIONS).is_paused()
    shoot(page, "pause-refused-light-1280")

    page.get_by_label(re.compile("^Type")).fill("notifications")
    page.get_by_role("button", name="Pause the queue").click()

    expect(page.get_by_role("status")).to_have_text("The queue notifications is paused.")
    expect(page.locator("#held")).to_contain_text("by operator@example.com: “the mail server moves”")
    assert find_queue(NOTIFICATIONS).is_paused()
    shoot(page, "paused-light-1280")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#held")).not_to_contain_text("the mail server moves")


def test_everything_is_done_without_a_mouse(site: Site, visit: Visit) -> None:
    """Sign in, search for the queue, pause it, let it go on: only keys."""
    page = visit(None)
    page.keyboard.type("operator@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(page.locator("[data-live-state]")).to_have_text("live")

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(f"queue:{USER_UPDATES}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(USER_UPDATES)
    tab_to(page, "Pause …")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()
    page.keyboard.type(USER_UPDATES)
    page.keyboard.press("Tab")
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("The queue user-updates is paused.")
    tab_to(page, "Resume")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The queue user-updates goes on.")


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
    shoot(page, "entry-preview-light-1280")
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
    page = visit(Role.VIEWER, dark=True)
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
    expect(row).to_contain_text("completed")

    row.hover()
    site.system.ended(site.system.refresh(user_id))
    expect(page.locator("[data-live-state]")).to_have_text("waiting")
    under_the_pointer = page.locator("#history tbody tr").count()
    page.mouse.move(0, 0)

    expect(page.locator("#history tbody tr")).to_have_count(2)
    assert under_the_pointer == 1


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is there, and is seen to be."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"60 times Tab did not come to {name!r}")
