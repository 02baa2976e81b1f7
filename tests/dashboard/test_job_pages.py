"""Failures, queues, jobs and search as pages: each number is the length of the list that it links to."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from dramatiq import Worker
from flask import Flask

from app import db
from app.broker.current import current_job
from app.broker.flow import Flow, FlowProducer
from app.broker.queue import Queue
from app.jobs.actor import actor
from app.jobs.catalog import CRON_JOBS, PROCESS_USER_DATA, USER_UPDATES
from app.jobs.engine import broker, find_queue
from app.jobs.user_updates import enqueue_user, enqueue_users
from app.ledger import audit
from app.models.audit_entry import AuditEntry
from app.models.job_status import Status
from app.models.user import Role
from app.settings import settings
from tests.dashboard.conftest import Browser, SignedIn
from tests.ledger.rows import all_rows
from tests.servers import wait_for

BROKERS = count(1)
QUEUE = "/dashboard/queues/user-updates"
CELL = re.compile(r'href="([^"]+)"><b>([\d,]+)</b>')


@pytest.fixture
def queue(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """The main queue, on a broker of this test's own."""
    monkeypatch.setenv("QUEUE_PREFIX", f"pages-{next(BROKERS)}")
    settings.cache_clear()
    return find_queue(USER_UPDATES)


def run(body: Callable[..., Any], until: Callable[[], bool]) -> None:
    """A real worker does that with every refresh until this holds."""
    broker().actors.clear()
    actor(PROCESS_USER_DATA, throws=RuntimeError)(body)
    worker = Worker(broker(), queues={USER_UPDATES}, worker_threads=3, worker_timeout=50)
    worker.start()
    try:
        wait_for(until, "the jobs to come so far")
    finally:
        worker.stop()


def ended(jobs: int, status: Status = Status.FAILED) -> Callable[[], bool]:
    """Whether so many have ended so, in Redis too."""
    return lambda: sum(row.status == status and row.settled_at is not None for row in all_rows()) == jobs


def fail(user_id: str, **_: Any) -> None:
    """What goes wrong with every user."""
    current_job().log(f"looking for the seller of {user_id}")
    raise RuntimeError(f"no seller for user '{user_id}', ask ada@example.com")


def trail() -> list[AuditEntry]:
    """What was done, the newest first."""
    with db.reading() as session:
        return [entry for entry in session.scalars(audit.trail()) if not entry.action.startswith("user.")]


def listed(page: str) -> int:
    """How many jobs a page lists."""
    return page.count('<tr data-row>\n    <td><a class="mono"')


@pytest.fixture
def failed(queue: Queue) -> list[str]:
    """Three jobs of two users that have failed alike."""
    ids = enqueue_users(["1", "2", "2"])
    run(fail, ended(3))
    return ids


def test_every_number_of_the_queues_is_the_length_of_its_list_and_the_apis(
    as_: SignedIn, queue: Queue, failed: list[str]
) -> None:
    """Seven states of each queue, as the page counts them, as it lists them, as the API counts them."""
    enqueue_users(["3", "4"])
    queue.add(PROCESS_USER_DATA.name, {"user_id": "5"}, priority=3)
    queue.add(PROCESS_USER_DATA.name, {"user_id": "6"}, delay_ms=3_600_000)
    browser = as_(Role.VIEWER)

    page = browser.text("/dashboard/queues")

    links = [(href, int(number.replace(",", ""))) for href, number in CELL.findall(page) if "state=" in href]
    assert {href.partition("state=")[2]: number for href, number in links if href.startswith(QUEUE)} == {
        "failed": 3,
        "active": 0,
        "waiting": 2,
        "prioritized": 1,
        "delayed": 1,
        "waiting-children": 0,
        "completed": 0,
    }
    assert [listed(browser.text(href)) for href, _ in links] == [number for _, number in links]
    counts = queue.get_job_counts()
    assert sum(number for href, number in links if href.startswith(QUEUE)) == sum(counts.values())


def test_no_workers_is_said_only_where_jobs_wait_for_one(as_: SignedIn, queue: Queue) -> None:
    """An empty queue needs nobody."""
    browser = as_(Role.VIEWER)
    before = browser.text("/dashboard/queues")
    enqueue_user("7")

    after = browser.text("/dashboard/queues")

    assert (before.count("no workers"), after.count("no workers")) == (0, 1)


def test_a_queue_is_paused_by_typing_its_name_and_says_by_whom(as_: SignedIn, queue: Queue) -> None:
    """Not without the name or a reason; then it stands on the page, and on the trail."""
    browser = as_(Role.OPERATOR, "grace@example.com")
    browser.get(f"{QUEUE}/pause")
    refused = browser.post(f"{QUEUE}/pause", name="user-update", reason="Amazon is down")

    done = browser.post(f"{QUEUE}/pause", name="user-updates", reason="Amazon is down")

    assert (refused.status_code, done.status_code) == (400, 303)
    assert queue.is_paused()
    page = browser.text(QUEUE)
    assert all(word in page for word in ("grace@example.com", "“Amazon is down”", "Resume"))
    browser.post(f"{QUEUE}/resume")
    assert not queue.is_paused()
    assert [(act.action, act.actor) for act in trail()] == [("queue.resumed", browser.id), ("queue.paused", browser.id)]


def test_ended_and_waiting_jobs_are_removed_after_a_preview(as_: SignedIn, queue: Queue, failed: list[str]) -> None:
    """The number that is shown is the number that goes."""
    enqueue_users(["3", "4"])
    browser = as_(Role.OPERATOR)
    clean, drain = browser.text(f"{QUEUE}/clean?hours=0"), browser.text(f"{QUEUE}/drain")
    assert "Remove 3 ended jobs" in clean
    assert "Remove 2 jobs" in drain

    browser.post(f"{QUEUE}/clean?hours=0", name="user-updates", reason="done with")
    browser.post(f"{QUEUE}/drain", name="user-updates", reason="a mistake")

    assert sum(queue.get_job_counts().values()) == 0
    assert [act.action for act in trail()] == ["queue.drained", "queue.cleaned"]


def test_a_job_is_added_by_its_form_or_told_what_it_lacks(as_: SignedIn, queue: Queue) -> None:
    """With what was typed still in the form."""
    browser = as_(Role.OPERATOR)
    browser.get(f"{QUEUE}/add")

    odd = browser.post(f"{QUEUE}/add", name="process_user_data", data="{nothing")
    wrong = browser.post(f"{QUEUE}/add", name="process_user_data", data='{"cadence": "hourly"}')
    unknown = browser.post(f"{QUEUE}/add", name="refresh", data="{}")
    good = browser.post(f"{QUEUE}/add", name="process_user_data", data='{"user_id": "7"}', delay_s="60", reason="test")

    assert [reply.status_code for reply in (odd, wrong, unknown, good)] == [400, 400, 400, 303]
    assert "user_id: Field required" in wrong.get_data(as_text=True)
    assert "{nothing" in odd.get_data(as_text=True)
    (row,) = all_rows()
    assert (row.delay_ms, good.location) == (60_000, f"/dashboard/jobs/user-updates/{row.job_id}")


def test_a_failed_job_shows_each_run_and_no_stale_error_after_a_retry(
    as_: SignedIn, queue: Queue, failed: list[str]
) -> None:
    """Its runs keep their errors, the job itself has none any more; what is personal is hidden (C46)."""
    browser = as_(Role.OPERATOR)
    url = f"/dashboard/jobs/user-updates/{failed[0]}"
    before = browser.text(url)

    retried = browser.post(f"{url}/retry")

    after = browser.text(url)
    fault = '<p class="fault">no seller for user &#39;1&#39;, ask [redacted]</p>'
    assert (retried.status_code, fault in before, fault in after) == (303, True, False)
    assert (before.count("Stack trace"), after.count("Stack trace")) == (1, 1)
    assert "RuntimeError: no seller" in after
    assert "looking for the seller of 1" in after
    assert "ada@example.com" not in before + after
    assert "Nobody" not in after
    assert "no-worker" in after


def test_a_job_says_why_it_has_not_run_and_is_promoted(as_: SignedIn, queue: Queue) -> None:
    """The picture has it in its state."""
    job_id = queue.add(PROCESS_USER_DATA.name, {"user_id": "7"}, delay_ms=3_600_000)
    browser = as_(Role.OPERATOR)
    url = f"/dashboard/jobs/user-updates/{job_id}"
    page = browser.text(url)

    browser.post(f"{url}/promote")

    assert re.search(r"It is delayed until [\d-]{10} [\d:]{8} UTC<", page)
    assert 'aria-label="The job is delayed."' in page
    assert queue.job_state(job_id) == "waiting"


def test_a_job_is_cancelled_and_another_removed_by_typing_their_ids(as_: SignedIn, queue: Queue) -> None:
    """Each with its reason on the trail; the removed one is still told by the ledger."""
    first, second = enqueue_users(["1", "2"])
    browser = as_(Role.OPERATOR)
    browser.get(f"/dashboard/jobs/user-updates/{first}/cancel")

    browser.post(f"/dashboard/jobs/user-updates/{first}/cancel", name=first, reason="asked by phone")
    browser.post(f"/dashboard/jobs/user-updates/{second}/remove", name=second, reason="twice")

    states = [row.status for row in all_rows()]
    assert states == [Status.CANCELLED, Status.REMOVED]
    assert [act.why for act in trail()] == ["twice", "asked by phone"]
    assert "It was removed at" in browser.text(f"/dashboard/jobs/user-updates/{second}")


def test_a_flow_is_shown_as_its_tree(as_: SignedIn, queue: Queue) -> None:
    """From any job of it, with the way to each of the others."""
    child = Flow(PROCESS_USER_DATA.name, USER_UPDATES, {"user_id": "7"}, options={"job_id": "child"})
    root = FlowProducer(broker()).add(Flow(PROCESS_USER_DATA.name, USER_UPDATES, {"user_id": "7"}, [child]))
    browser = as_(Role.VIEWER)

    pages = [browser.text(f"/dashboard/jobs/user-updates/{job_id}") for job_id in (root, "child")]

    for page in pages:
        tree = page[page.index('<ul class="tree">') :]
        assert tree.index(f"/{root}") < tree.index("/child")
    assert "It waits for 1 job: user-updates/child" in pages[0]


def test_a_group_of_failures_is_counted_listed_and_tried_again(as_: SignedIn, queue: Queue, failed: list[str]) -> None:
    """The preview has the count; the act has its own job, to whose page the browser goes."""
    browser = as_(Role.OPERATOR)
    page = browser.text("/dashboard/failures")
    group = re.findall(r'class="clip" href="(/dashboard/failures/\w+)">([^<]+)', page)
    ((url, message),) = group
    preview = browser.text(f"{url}/retry")

    done = browser.post(f"{url}/retry", reason="the seller is back")

    (asked,) = find_queue(CRON_JOBS).get_jobs(["waiting"])
    assert message == "no seller for user &#39;…&#39;, ask …@…"
    assert listed(browser.text(url)) == 3
    assert "Retry 3 failed jobs" in preview
    assert "2 users are hit" in preview
    assert done.location == f"/dashboard/jobs/{CRON_JOBS}/{asked.id}"
    assert [(act.action, act.why) for act in trail()] == [("failures.retried", "the seller is back")]


@pytest.mark.parametrize(
    ("query", "has", "lists"),
    [
        ("{user}", "ada@example.com", 2),
        ("ada@example.com", "ada@example.com", 2),
        ("user:{user} state:failed", "no seller", 2),
        ("user:{user} state:completed", "No such job", 0),
        ("user:{user} queue:cron", "No such job", 0),
        ('user:{user} error:"no seller"', "no seller", 2),
        ("job:{job}", "no seller", 1),
        ("{job}", "no seller", 1),
        ("SELLER for", "no seller for user", 0),
        ('error:"no seller"', "no seller for user", 0),
        ("user-up", QUEUE, 0),
        ("state:failed", "no seller", 3),
        ("state:lost", "known states", 0),
        ("nobody", "Nothing is known", 0),
        ("'; DROP TABLE users; --", "Nothing is known", 0),
        ("%", "Nothing is known", 0),
    ],
)
def test_whatever_one_has_at_hand_is_found(as_: SignedIn, queue: Queue, query: str, has: str, lists: int) -> None:
    """Ids exactly, errors by any words; what is qualified narrows."""
    user = as_(Role.USER, "ada@example.com").id
    ids = enqueue_users(["1", user, user])
    run(fail, ended(3))

    page = as_(Role.VIEWER).text("/dashboard/search?q=" + query.format(user=user, job=ids[2]))

    assert has in page
    assert listed(page) == lists


def test_a_queue_and_a_state_are_its_list(as_: SignedIn, queue: Queue) -> None:
    """The address says all of it."""
    browser = as_(Role.VIEWER)

    there = browser.get("/dashboard/search?q=queue:user:updates+state:delayed")

    assert there.location == f"{QUEUE}?state=delayed"


def test_a_list_is_read_page_by_page(as_: SignedIn, queue: Queue) -> None:
    """Sixty jobs of one user, fifty and ten, none twice."""
    enqueue_users(["7"] * 60)
    browser = as_(Role.VIEWER)

    first = browser.text("/dashboard/search?q=user:7")
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = browser.text(following[1].replace("&amp;", "&"))

    assert (listed(first), listed(second)) == (50, 10)
    assert not {*re.findall(r"user-updates/(\d+)", first)} & {*re.findall(r"user-updates/(\d+)", second)}


ACTS = (
    *(f"{QUEUE}/{act}" for act in ("pause", "resume", "clean", "drain", "retry", "add")),
    *(f"/dashboard/jobs/user-updates/{{}}/{act}" for act in ("retry", "promote", "remove", "cancel")),
)


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_reads_and_does_nothing(as_: SignedIn, queue: Queue, act: str) -> None:
    """The server refuses, and the page has no button."""
    job_id = enqueue_user("7")
    browser = as_(Role.VIEWER)
    pages = browser.text(QUEUE) + browser.text(f"/dashboard/jobs/user-updates/{job_id}")

    refused = browser.post(act.format(job_id), name="user-updates", reason="because")

    assert refused.status_code == 403
    assert act.format(job_id) not in pages
    assert trail() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dashboard/queues/no-such", 404),
        (f"{QUEUE}?state=lost", 400),
        (f"{QUEUE}?state=failed&cursor=nine", 400),
        ("/dashboard/jobs/user-updates/no-such", 404),
        ("/dashboard/jobs/user-updates/meta", 404),
        ("/dashboard/failures/0123456789abcdef", 404),
        ("/dashboard/failures?cursor=nine", 400),
        ("/dashboard/search?q=state:failed&before=nine", 200),
        ("/dashboard/queues/cron/add", 409),
    ],
)
def test_what_is_not_there_or_odd_is_said_as_a_page(as_: SignedIn, queue: Queue, path: str, status: int) -> None:
    """Never an error of ours."""
    reply = as_(Role.OPERATOR).get(path)

    assert reply.status_code == status
    assert reply.content_type.startswith("text/html")


def test_a_page_is_small(as_: SignedIn, queue: Queue) -> None:
    """CONTRACTS: under 150 kB with all that it loads, fifty jobs on it."""
    enqueue_users(["7"] * 50)
    browser: Browser = as_(Role.OPERATOR)
    page = browser.get(QUEUE)
    parts = set(re.findall(r'(?:src|href)="(/dashboard/static/[^"#]+)', page.get_data(as_text=True)))

    size = len(page.get_data())
    for part in parts:
        with browser.get(part) as loaded:
            size += len(loaded.get_data())

    assert len(parts) >= 5
    assert size < 150_000, f"{size:,} bytes"


def test_the_charts_have_the_measured_figures(as_: SignedIn, queue: Queue) -> None:
    """Where there are none, the page says so."""
    page = as_(Role.VIEWER).text(f"{QUEUE}?window=24h")

    assert "Nothing was measured in this time" in page
