"""A browser signs in and out; a form of another site does nothing; every page asks who it is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app import db
from app.auth import sessions
from app.clock import utc_now
from app.models.user import Role
from app.models.web_session import WebSession
from app.secrets import signing_key
from app.settings import settings
from tests.api.conftest import PASSWORD
from tests.dashboard.conftest import Browser, SignedIn

SIGN_IN, OVERVIEW = "/dashboard/sign-in", "/dashboard/overview"


def test_a_browser_that_signs_in_goes_on_to_the_page_that_it_wanted(as_: SignedIn, browser: Browser) -> None:
    """And to nowhere else."""
    as_(Role.VIEWER, "ada@example.com")

    away = browser.get(f"{OVERVIEW}?page=2")
    browser.get(away.location)
    back = browser.post(SIGN_IN, email="ada@example.com", password=PASSWORD, next="/dashboard/overview?page=2")

    assert (away.status_code, away.location) == (302, f"{SIGN_IN}?next=/dashboard/overview?page%3D2")
    assert (back.status_code, back.location) == (303, "/dashboard/overview?page=2")
    assert browser.get(back.location).status_code == 200


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/dashboard/\\evil", "/api/v1", "javascript:1"]
)
def test_a_link_to_sign_in_leads_to_no_other_site(as_: SignedIn, browser: Browser, there: str) -> None:
    """An open redirect would lend our name to anybody."""
    as_(Role.VIEWER, "ada@example.com")
    browser.get(SIGN_IN)

    back = browser.post(SIGN_IN, email="ada@example.com", password=PASSWORD, next=there)

    assert back.location == OVERVIEW


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", "")]
)
def test_every_other_pair_is_refused_in_the_same_words(
    as_: SignedIn, browser: Browser, email: str, password: str
) -> None:
    """So that nobody learns which addresses are ours."""
    as_(Role.VIEWER, "ada@example.com")
    browser.get(SIGN_IN)

    refused = browser.post(SIGN_IN, email=email, password=password)

    assert refused.status_code == 401
    assert "E-mail or password is wrong" in refused.get_data(as_text=True)
    assert sessions.COOKIE not in "".join(refused.headers.getlist("Set-Cookie"))


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(
    as_: SignedIn, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in production from plain HTTP."""
    as_(Role.VIEWER, "ada@example.com")
    browser.get(SIGN_IN)
    monkeypatch.setattr(settings(), "secret_key", signing_key())
    monkeypatch.setattr(settings(), "environment", "production")

    answer = browser.post(SIGN_IN, email="ada@example.com", password=PASSWORD)

    (cookie,) = (line for line in answer.headers.getlist("Set-Cookie") if line.startswith(sessions.COOKIE))
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/dashboard"} <= set(cookie.split("; "))


def test_a_session_that_was_signed_out_of_is_over_for_whoever_kept_its_cookie(as_: SignedIn, app: Flask) -> None:
    """It is the row that counts."""
    ada = as_(Role.VIEWER)
    cookie = ada.client.get_cookie(sessions.COOKIE, path="/dashboard")
    assert cookie is not None
    ada.get(OVERVIEW)

    ada.post("/dashboard/sign-out")

    thief = app.test_client()
    thief.set_cookie(sessions.COOKIE, cookie.value, path="/dashboard")
    assert thief.get(OVERVIEW).status_code == 302


def test_signing_out_everywhere_ends_each_session_of_that_user_alone(as_: SignedIn) -> None:
    """Another's stays."""
    ada, eve = as_(Role.VIEWER), as_(Role.VIEWER)
    ada.get(OVERVIEW)

    ada.post("/dashboard/sign-out-everywhere")

    with db.reading() as session:
        assert list(session.scalars(select(WebSession.user_id))) == [eve.id]


def test_a_session_is_over_after_its_time_and_its_row_goes_with_the_next_one(as_: SignedIn) -> None:
    """Eight hours, whatever happens in between."""
    ada = as_(Role.VIEWER)

    with time_machine.travel(utc_now() + timedelta(hours=8, seconds=1), tick=False):
        later = ada.get(OVERVIEW)
        as_(Role.VIEWER)

    assert later.status_code == 302
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 1


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_without_the_pages_token_is_refused(as_: SignedIn, token: str) -> None:
    """Another site can send a form here, but cannot read ours."""
    ada = as_(Role.ADMIN)

    refused = ada.client.post("/dashboard/sign-out-everywhere", data={"csrf": token})

    assert refused.status_code == 403
    assert ada.get(OVERVIEW).status_code == 200


def test_a_form_with_anothers_token_and_one_sent_by_another_site_are_refused(as_: SignedIn) -> None:
    """The token belongs to the cookie, and the browser says where a form comes from."""
    ada, eve = as_(Role.ADMIN), as_(Role.ADMIN)
    ada.get(OVERVIEW)
    eve.get(OVERVIEW)

    anothers = ada.client.post("/dashboard/sign-out-everywhere", data={"csrf": eve.token})
    cross_site = ada.client.post(
        "/dashboard/sign-out-everywhere", data={"csrf": ada.token}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert (anothers.status_code, cross_site.status_code) == (403, 403)
    assert ada.get(OVERVIEW).status_code == 200


def test_every_page_but_the_sign_in_asks_who_it_is(app: Flask, browser: Browser) -> None:
    """Found by walking the routes, so that a new one cannot be forgotten."""
    browser.get(SIGN_IN)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("dashboard.")]
    paths = {rule.endpoint: re.sub("<[^>]+>", "7", rule.rule) for rule in rules}
    answers = {
        (method, rule.endpoint): browser.client.open(paths[rule.endpoint], method=method, data={"csrf": browser.token})
        for rule in rules
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }

    open_to_all = {
        endpoint
        for (method, endpoint), answer in answers.items()
        if not (answer.status_code == 302 and answer.location.startswith(SIGN_IN))
        and not (method == "POST" and answer.status_code == 401)
    }

    assert open_to_all == {"dashboard.home", "dashboard.static", "dashboard.sign_in", "dashboard.sign_out"}


def test_a_page_that_is_nowhere_and_one_that_is_refused_look_like_the_rest(as_: SignedIn, browser: Browser) -> None:
    """A browser reads a page; whoever asks the API gets JSON."""
    as_(Role.VIEWER)

    nowhere = browser.get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    for_programs = browser.get("/nowhere", headers={"Accept": "application/json"})

    assert (nowhere.status_code, nowhere.mimetype) == (404, "text/html")
    assert "Nothing is here" in nowhere.get_data(as_text=True)
    assert (for_programs.status_code, for_programs.mimetype) == (404, "application/json")


def test_every_page_forbids_inline_scripts_and_frames(as_: SignedIn) -> None:
    """Whatever is shown in it."""
    page = as_(Role.VIEWER).get(OVERVIEW)

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=", page.get_data(as_text=True))
