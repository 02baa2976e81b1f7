"""Faults 27: secrets that were given to the system are nowhere to be read, whatever was done with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import func, select

from app import db
from app.api.application import create_app
from app.api.openapi import document
from app.auth.passwords import hash_password
from app.broker.connection import connect
from app.domains.accounts.users import register
from app.models.cron_session import CronSession
from app.models.job_attempt import JobAttempt
from app.models.job_status import JobStatus, Status
from app.models.notification import Delivery, Notification
from app.models.user import Role
from app.secrets import unseal
from app.settings import settings
from tests.acceptance import searched
from tests.acceptance.system import System, running_system
from tests.acceptance.telltale import telltale
from tests.servers import free_port, wait_for
from tests.web import Web

#: Of the environment; those of the API follow as they are sent.
OF_SETTINGS = {
    "SECRET_KEY": "canary-signing-key-0123456789abcdef",
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "METRICS_TOKEN": "canary-metrics-token",
    "AMAZON_CLIENT_SECRET": "canary-amazon-secret",
    "AMAZON_ADS_CLIENT_SECRET": "canary-ads-secret",
    "LEADSQUARED_TOKEN": "canary-crm-token",
    "SMTP_PASSWORD": "canary-smtp-password",
}
REDIS_PASSWORD = "canary-redis-password"
ADMIN_PASSWORD = "canary-admin-password"
CSRF = re.compile(r'name="csrf" value="([\w-]+)"')


@pytest.fixture
def evil() -> Iterator[str]:
    """Whatever is called outside quotes what it was sent."""
    with telltale() as address:
        yield address


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evil: str) -> Iterator[System]:
    """A system with every secret that the environment can bring, its log as talkative as it gets."""
    with running_system(tmp_path, monkeypatch) as running:
        Redis.from_url(running.redis.url).config_set("requirepass", REDIS_PASSWORD)
        elsewhere = {
            "REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:{running.redis.port}",
            "LOG_LEVEL": "debug",
            "OUTBOUND_PRIVATE_HOSTS": evil,
            "LEADSQUARED_URL": f"http://{evil}/refuse/crm",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(free_port()),
            "SMTP_USER": "toril",
            "NOTIFY_URLS": f"http://{evil}/away/canary-settings-hook",
            "NOTIFY_GROUP": "0",
        }
        for name, value in {**OF_SETTINGS, **elsewhere}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield running


class People:
    """An administrator and a seller, who send secrets and remember them."""

    def __init__(self, web: str, evil: str) -> None:
        self.web, self.evil = web, evil
        self.secrets: dict[str, str] = {"admin's password": ADMIN_PASSWORD}
        with db.session() as session:
            register(session, "admin@example.com", hash_password(ADMIN_PASSWORD), Role.ADMIN)
        self.admin = self.sign_in("admin@example.com", ADMIN_PASSWORD)
        self.browser = requests.Session()

    def call(self, method: str, path: str, body: Any, *, token: str = "", status: int = 0) -> Any:
        """What is answered to that call."""
        headers = {"Authorization": f"Bearer {token or self.admin}"}
        reply = requests.request(method, self.web + path, json=body, headers=headers, timeout=20)
        assert reply.status_code == status if status else reply.ok, (path, reply.status_code, reply.text)
        return reply.json().get("data")

    def secret(self, name: str, value: str = "") -> str:
        """One that is looked for later."""
        self.secrets[name] = value or f"canary-{name.replace(' ', '-')}"
        return self.secrets[name]

    def sign_in(self, email: str, password: str) -> str:
        """A token; the first of its three parts is every token's."""
        reply = requests.post(f"{self.web}/auth/token", json={"email": email, "password": password}, timeout=20)
        token: str = reply.json()["data"]["token"]
        self.secrets[f"{email}'s token"] = token.partition(".")[2]
        return token

    def open_dashboard(self) -> None:
        """With a wrong password first."""
        for password in (self.secret("mistyped password"), ADMIN_PASSWORD):
            form = CSRF.search(self.browser.get(f"{self.web}/dashboard/sign-in", timeout=20).text)
            assert form is not None
            sent = {"csrf": form[1], "email": "admin@example.com", "password": password}
            self.browser.post(f"{self.web}/dashboard/sign-in", data=sent, timeout=20)
        self.secret("cookie", self.browser.cookies["toril_session"])

    def set_up_seller(self) -> str:
        """A user with an account that works and one whose token Amazon refuses; returns the refresh's job."""
        password = self.secret("seller's password")
        user = self.call("POST", "/app/users", {"email": "seller@example.com", "password": password})
        self.call("POST", f"/app/users/{user['id']}/verify", None)
        token = self.sign_in("seller@example.com", password)
        good = self.secret("refresh token", "demo-CANARY7SELLER-US")
        bad = self.secret("refused refresh token")
        accounts = [
            {"country": "US", "region": "NA", "sellerId": "CANARY7SELLER", "refreshToken": good},
            {"country": "DE", "region": "EU", "sellerId": "REFUSED", "refreshToken": bad},
        ]
        self.call("PUT", "/app/jobs/user/update-accounts", {"sellerAccounts": accounts}, token=token)
        update: dict[str, str] = self.call("POST", "/app/jobs/user/manual-update", {"updateType": "both"}, token=token)
        return update["jobId"]

    def set_up_services(self) -> list[str]:
        """Three services whose APIs give away the key; returns the jobs that sync them."""
        jobs = []
        for place in ("refuse", "away", "odd"):
            key = self.secret(f"key of {place}")
            service = {"name": place, "statusUrl": f"http://{self.evil}/{place}", "apiKey": key}
            added = self.call("POST", "/api/v1/sync/services", service)
            jobs.append(self.call("POST", f"/api/v1/sync/service/{added['id']}", None)["jobId"])
        return jobs

    def set_up_channels(self) -> None:
        """Web hooks and an SMS gateway that do not take messages, one of them because it is not there."""
        nobody = f"127.0.0.1:{free_port()}"
        urls = (
            f"http://{self.evil}/away/{self.secret('hook')}?token={self.secret('query of a hook')}",
            f"smseagle://{self.secret('gateway token').replace('-', '')}@{self.evil}/15551234567",
            f"http://{nobody}/{self.secret('hook of nobody')}",
        )
        self.secrets["gateway token"] = self.secrets["gateway token"].replace("-", "")
        for number, url in enumerate(urls[:2]):
            channel = self.call("POST", "/api/v1/notifications/channels", {"name": f"c{number}", "url": url})
            self.call("POST", f"/api/v1/notifications/channels/{channel['id']}/test", None)
        self.call("POST", "/api/v1/notifications/channels", {"name": "nobody", "url": urls[2]}, status=400)

    def make_mistakes(self) -> None:
        """Secrets where none belong are refused, and not repeated."""
        wrong = {"email": "admin@example.com", "password": self.secret("wrong password")}
        self.call("POST", "/auth/token", wrong, status=401)
        stray = {"jobName": "process_user_data", "data": {"user_id": "7", "apiKey": self.secret("stray key")}}
        self.call("POST", "/api/v1/queues/user-updates/jobs", stray, status=400)
        self.call("POST", "/app/users", {"email": "x", "password": self.secret("refused password")}, status=400)
        for entry in ("syncLeadSquared", "sendDailyReports"):
            self.call("POST", f"/admin/jobs/{entry}/trigger", None)


def test_no_secret_is_anywhere_after_a_round_of_jobs(system: System, evil: str) -> None:
    """Jobs that succeed, fail and are tried again; logs at debug, rows, keys, files, pages, answers, titles: 0 hits."""
    web = system.start_web()
    system.start_producer()
    system.start_worker(concurrency=3)
    people = People(web.url, evil)
    people.open_dashboard()

    refresh = people.set_up_seller()
    syncs = people.set_up_services()
    people.set_up_channels()
    people.make_mistakes()
    assert system.ended(refresh).status == Status.PARTIAL
    wait_for(lambda: all(map(_has_run, syncs)), "each sync to be tried", 60, every_s=0.1)
    wait_for(_have_been_tried, "the messages to be tried", 60, every_s=0.1)
    wait_for(lambda: _failed_runs() >= 2, "the entries to be tried", 60, every_s=0.1)
    redis = connect(settings().queue_redis_url)
    cache = connect(settings().cache_redis_url)
    for key in cache.scan_iter("amazon:token:*"):
        people.secret(f"access token {key}", unseal(str(cache.get(key))))
    places = dict(_everything(system, people, web, redis, cache))

    known = {"file ": refresh, "table ": refresh, "key ": refresh, "page ": refresh, "answer ": refresh}
    for kind, word in {**known, "title ": "workers.main", "metrics": "user-updates"}.items():
        assert any(place.startswith(kind) and word in text for place, text in places.items()), f"{kind}is not searched"
    secrets = {**OF_SETTINGS, **people.secrets, "REDIS_PASSWORD": REDIS_PASSWORD, "NOTIFY_URLS": "canary-settings-hook"}
    assert len(secrets) > 25
    assert _hits(secrets, places) == Counter()


def _everything(system: System, people: People, web: Web, redis: Redis, cache: Redis) -> Iterator[tuple[str, str]]:
    yield from searched.rows()
    yield from searched.keys(redis)
    yield from searched.keys(cache)
    yield from searched.pages(people.web, people.browser)
    with db.reading() as session:
        jobs = session.scalars(select(JobStatus.job_id)).all()
    paths = [path for path, operations in document(create_app())["paths"].items() if "get" in operations]
    of_jobs = [f"/app/job-status/status/job/{job}" for job in jobs]
    plain = [path for path in paths if "{" not in path and path != "/metrics"]
    yield from searched.answers(people.web, people.admin, plain + of_jobs)
    yield "metrics", web.get("/metrics", Authorization=f"Bearer {OF_SETTINGS['METRICS_TOKEN']}")
    yield from searched.titles()
    yield from searched.files(system.directory)


def _hits(secrets: Mapping[str, str], places: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """What was found where, how often."""
    found = {(name, place): text.count(secret) for name, secret in secrets.items() for place, text in places.items()}
    return Counter({where: times for where, times in found.items() if times})


def _has_run(job_id: str) -> bool:
    with db.reading() as session:
        job = session.scalars(select(JobStatus).where(JobStatus.job_id == job_id)).one()
        return bool(session.scalar(select(func.count()).select_from(JobAttempt).where(JobAttempt.job == job.id)))


def _failed_runs() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(CronSession).where(CronSession.error.is_not(None))) or 0


def _have_been_tried() -> bool:
    """A test by each channel, and the failures by all of them."""
    with db.reading() as session:
        kinds = set(session.scalars(select(Notification.kind)))
        untried = select(func.count()).select_from(Delivery).where(Delivery.error.is_(None), Delivery.sent_at.is_(None))
        return kinds >= {"test", "failures"} and not session.scalar(untried)
