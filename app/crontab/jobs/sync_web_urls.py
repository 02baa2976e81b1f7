"""Sync web URLs: our table of pages becomes the source's list (S4-3)."""

from __future__ import annotations

import logging

from app.clock import utc_now
from app.crontab.running import current_run
from app.domains.leads.web_urls import sync_web_urls
from app.settings import settings

name = "syncWebUrls"
title = "Sync Web URLs Job"
schedule = "0 9 * * *"
enabled = bool(settings().web_urls_url)
timeout_s = 300
attempts = 4  # retryCount 3
reads = "the list at WEB_URLS_URL, page by page; web_urls"
writes = "web_urls: added, changed, removed"
proof = "tests/domains/leads/test_web_urls.py::test_the_table_becomes_the_sources_list"


def run(log: logging.Logger) -> dict[str, int]:
    """Read the list, write what differs."""
    done = sync_web_urls(settings().web_urls_url, current_run().slot, utc_now())
    log.info("web URLs synchronized: %s", done)
    return done
