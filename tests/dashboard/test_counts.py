"""Every number of a page is as long as the list that it leads to, and is the API's number."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import db
from app.clock import utc_now
from app.crontab import entries
from app.crontab.sessions import create_session
from app.jobs.catalog import PROCESS_USER_DATA, USER_UPDATES, queues
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_users
from app.ledger.workers import seen
from app.models.user import Role, User
from app.settings import settings
from tests.api.conftest import Caller
from tests.dashboard.conftest import Browser, SignedIn
from tests.dashboard.test_job_pages import ended, fail, run
from tests.domains.refresh.promised import HOUR, add_promised
from tests.metrics.scrape import labels_of, samples, value

#: ``ui.number``, and a tab with its count.
NUMBERS = re.compile(r'<a class="number[^"]*" href="([^"]+)"><b>([\d,]+)</b>')
TABS = re.compile(r'<a href="([^"]+)"[^>]*>[^<]+ <small>([\d,]+)</small>')
ROW = re.compile(r'<tr data-row>|<li class="row">')
DAY = timedelta(days=1)


@pytest.fixture
def admin(app: Flask, as_: SignedIn, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Signed in where users are late, jobs failed in two ways and others wait, and a worker lives."""
    monkeypatch.setenv("QUEUE_PREFIX", "pages-counts")
    settings.cache_clear()
    now = utc_now()
    add_promised("late", {"orders": 2 * DAY, "ads": 2 * DAY}, now=now, revoked="invalid_grant")
    add_promised("later", {"orders": 3 * DAY, "inventory": 9 * DAY}, now=now)
    add_promised("fresh", {"orders": HOUR}, now=now)
    add_promised("never", {}, now=now)
    with db.session() as session:
        entries.sync(session, now)
        seen(session.connection(), "host:1:a", now)
        seen(session.connection(), "host:2:b", now - HOUR)
        create_session(session, "sampleJob", now, now, job_id="1")
        create_session(session, "healthCheck", now, now, job_id="2", manual=True)
    enqueue_users(["1", "2", "2"])
    run(fail, ended(3))
    queue = find_queue(USER_UPDATES)
    enqueue_users(["3", "4"])
    queue.add(PROCESS_USER_DATA.name, {"user_id": "5"}, priority=3)
    queue.add(PROCESS_USER_DATA.name, {"user_id": "6"}, delay_ms=3_600_000)
    return as_(Role.ADMIN)


def numbers(page: str, pattern: re.Pattern[str] = NUMBERS) -> dict[str, int]:
    """The addresses that numbers lead to, with the numbers."""
    return {html.unescape(href): int(number.replace(",", "")) for href, number in pattern.findall(page)}


def length(browser: Browser, href: str) -> int:
    """Rows of the list there; of one part of the page if the address names it."""
    path, _, part = href.partition("#")
    page = browser.text(path)
    return len(ROW.findall(page[page.index(f'id="{part}"') :].partition("</section>")[0] if part else page))


@pytest.mark.parametrize("path", ["overview", "users", "queues", "queues/user-updates", "failures"])
def test_every_number_is_as_long_as_the_list_it_leads_to(admin: Browser, path: str) -> None:
    """None excepted: numbers that lead nowhere count no list."""
    page = admin.text(f"/dashboard/{path}")
    found = numbers(page) | numbers(page, TABS)

    assert {href: length(admin, href) for href in found} == found
    assert sum(found.values()) > 0


def test_the_pages_numbers_are_the_apis(app: Flask, admin: Browser) -> None:
    """Queues, failures and their users, users, entries and the trail: counted once, by whoever is asked."""
    with db.reading() as session:
        api = Caller(app.test_client(), session.get_one(User, admin.id))

    def ask(path: str) -> Any:
        answer = api.get(path)
        assert answer.status_code == 200, (path, answer.get_json())
        return answer.get_json().get("data", answer.get_json())

    of_queues = {name: numbers(admin.text(f"/dashboard/queues/{name}"), TABS) for name in queues()}
    shown = {name: {href.rpartition("=")[2]: n for href, n in found.items()} for name, found in of_queues.items()}
    for found in shown.values():
        found["waiting"] += found["prioritized"]
    assert ask("/api/v1/queues/metrics") == {
        name: {state: found[state] for state in ("waiting", "active", "completed", "failed", "delayed")}
        for name, found in shown.items()
    }

    groups = numbers(admin.text("/dashboard/failures"))
    assert groups == {
        f"/dashboard/failures/{group['id']}#{part}": group[name]
        for group in ask("/api/v1/errors")["groups"]
        for part, name in (("jobs", "failed"), ("users", "usersHit"))
    }
    assert length(admin, "/dashboard/search?q=state:failed") == len(ask("/app/job-status/failed"))

    users = numbers(admin.text("/dashboard/users"), TABS)
    daily = ask("/app/jobs/admin/system-stats")["updateStats"]["daily"]
    assert users["/dashboard/users?show=all"] == len(ask("/app/users?limit=1000"))
    assert users["/dashboard/users?show=promised"] == daily["users"]
    assert length(admin, "/dashboard/schedule") == len(ask("/app/jobs/admin/job-status")["jobs"])
    assert length(admin, "/dashboard/audit") == len(ask("/admin/jobs/audit")["audit"])
    assert length(admin, "/dashboard/sessions") == len(ask("/admin/jobs/sessions")["sessions"]) == 2
    assert length(admin, "/dashboard/sessions?entry=sampleJob") == len(
        ask("/admin/jobs/sampleJob/sessions")["sessions"]
    )
    assert length(admin, "/dashboard/sessions?status=RUNNING") == len(ask("/admin/jobs/running")["sessions"])


def test_the_pages_numbers_are_the_metrics(app: Flask, admin: Browser) -> None:
    """Workers that live, and users whose data is late, dataset by dataset."""
    scraped = samples(app.test_client().get("/metrics").text)
    overview = numbers(admin.text("/dashboard/overview"))
    late = {href.rpartition("=")[2]: users for href, users in overview.items() if "show=late&dataset=" in href}

    assert late == {dataset: value(scraped, "toril_late_users", dataset=dataset) for dataset in late}
    assert late.keys() == labels_of(scraped, "toril_late_users", "dataset")
    assert sum(late.values()) > 0
    assert length(admin, "/dashboard/workers#living") == overview["/dashboard/workers#living"] == 1
    assert value(scraped, "toril_workers") == 1
