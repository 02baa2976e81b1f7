"""Every page as it looks: it fits a screen and a phone, is light, and can be read and named; pictures are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.models.user import Role
from tests.browser.conftest import DESKTOP, PHONE, Site, Visit, shoot
from tests.browser.scene import Scene, furnish

#: Beyond this a phone on a bad line waits. Of everything that the page loads, before it is packed.
MOST_BYTES = 150_000
THEMES = ("light", "dark")
PAGES = {
    "overview": "overview",
    "users": "users",
    "users-late": "users?show=late",
    "user": "users/{0.user}",
    "queues": "queues",
    "queue": "queues/user-updates?state=failed",
    "queue-empty": "queues/cleanup",
    "pause": "queues/user-updates/pause",
    "clean": "queues/user-updates/clean",
    "drain": "queues/user-updates/drain",
    "add-job": "queues/user-updates/add",
    "job-failed": "jobs/user-updates/{0.failed}",
    "job-delayed": "jobs/user-updates/{0.delayed}",
    "templates": "templates",
    "failures": "failures",
    "failure": "failures/{0.group}",
    "retry": "failures/{0.group}/retry",
    "search": "search",
    "search-user": "search?q=user:{0.user}",
    "search-error": "search?q=no+user",
    "search-nothing": "search?q=nobody",
    "schedule": "schedule",
    "entry": "schedule/sampleJob",
    "entry-edit": "schedule/sampleJob/edit",
    "sessions": "sessions",
    "session": "sessions/{0.session}",
    "workers": "workers",
    "audit": "audit",
    "emergency-stop": "emergency-stop",
    "not-found": "queues/no-such",
}


@pytest.fixture(scope="module")
def scene(site: Site) -> Scene:
    """Something on every page."""
    return furnish(site.system)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_fits_is_light_and_can_be_read(site: Site, scene: Scene, visit: Visit, size: dict[str, int]) -> None:
    """No wider than its screen, under 150 kB, one heading, everything named, contrast as WCAG AA asks."""
    page = visit(Role.ADMIN, size=size)
    found: dict[str, Any] = {}

    for name, path in PAGES.items():
        page.goto(f"{site.url}/{path.format(scene)}")
        seen = [page.evaluate(LOOK)]
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            shoot(page, f"{name}-{theme}-{size['width']}")
            seen.append({f"pale {theme}": page.evaluate(PALE), "undrawn": page.evaluate(UNDRAWN)})
        found[name] = {key: value for part in seen for key, value in part.items() if value}
        found[name]["wide"] = page.evaluate("document.documentElement.scrollWidth") > size["width"]

    assert {name: one for name, one in found.items() if one["bytes"] > MOST_BYTES} == {}
    assert [name for name, one in found.items() if one["wide"]] == []
    assert [name for name, one in found.items() if one["headings"] != 1] == []
    assert {name: one["unnamed"] for name, one in found.items() if "unnamed" in one} == {}
    assert {name: one for name, one in found.items() if any(f"pale {theme}" in one for theme in THEMES)} == {}
    assert [name for name, one in found.items() if "undrawn" in one] == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_door_fits_and_can_be_read(visit: Visit, size: dict[str, int]) -> None:
    """Before anybody has signed in."""
    page = visit(None, size=size)

    seen = page.evaluate(LOOK)

    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        shoot(page, f"sign-in-{theme}-{size['width']}")
        assert page.evaluate(PALE) == []
    assert (seen["headings"], seen["unnamed"]) == (1, [])
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


#: Bytes of the page and all that it loaded; headings; fields, links and buttons that a screen reader could not name.
LOOK = """() => ({
  bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, one) => sum + one.decodedBodySize, 0),
  headings: document.querySelectorAll("h1").length,
  unnamed: [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")]
    .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim() || one.title)
      || (one.matches("input, select, textarea") && !one.labels?.length && !one.getAttribute("aria-label")))
    .map((one) => one.outerHTML),
})"""
#: Figures without their chart.
UNDRAWN = "() => [...document.querySelectorAll('figure[data-chart]:not(:has(canvas))')].length"
PALE = (Path(__file__).parent / "pale.js").read_text()
