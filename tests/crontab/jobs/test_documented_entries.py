"""Every scheduled job of the documents is an entry with the documents' time and limits."""

from __future__ import annotations

import pytest

from app.crontab import code

#: Schedules as the documents have them; those of S4-8 lose their leading second, which is 0.
DOCUMENTED = {
    "dailyUpdates": "0 * * * *",
    "weeklyUpdates": "0 0 * * *",
    "cacheCleanup": "30 */6 * * *",
    "healthCheck": "*/30 * * * *",
    "serviceHealthCheck": "*/5 * * * *",
    "sampleJob": "0 */4 * * *",
    "syncWebUrls": "0 9 * * *",
    "updateOpportunityScores": "0 2 * * *",
    "syncLeadSquared": "*/15 * * * *",
    "cleanupSessions": "0 1 * * *",
    "optimizeDatabase": "0 3 * * 0",
    "sendDailyReports": "0 8 * * 1-5",
    "processFollowUps": "0 */2 * * *",
    "metricsCollection": "0 * * * *",
    "debugMetrics": "* * * * *",
    "dailyReport": "0 7 * * *",
    "backup": "30 3 * * *",
    "retentionCleanup": "0 4 * * *",
    "dailyCleanup": "0 2 * * *",
    "weeklyExports": "0 6 * * 1",
    "monthlyExports": "0 6 1 * *",
    "dataSync": "15 * * * *",
    "performanceTest": "0 5 * * *",
}

ENVIRONMENTS = {
    "debugMetrics": ["development"],
    "dailyReport": ["production"],
    "backup": ["production"],
    "retentionCleanup": ["production"],
    "dataSync": ["staging"],
    "performanceTest": ["staging"],
}


def test_every_documented_job_is_an_entry_at_its_time() -> None:
    """S0-5, S3-3, S3-7, S4-2, S4-3, S4-4, S4-8, S4-14 with C35, C36, C38; core jobs run everywhere."""
    code.jobs.cache_clear()

    jobs = code.jobs()

    assert {name: jobs[name].schedule for name in DOCUMENTED} == DOCUMENTED
    assert {name: jobs[name].environments for name in DOCUMENTED} == {
        name: ENVIRONMENTS.get(name, []) for name in DOCUMENTED
    }


@pytest.mark.parametrize(
    ("name", "timeout_s", "retry_count"), [("syncWebUrls", 300, 3), ("updateOpportunityScores", 600, 2)]
)
def test_the_documented_limits_hold(name: str, timeout_s: int, retry_count: int) -> None:
    """S4-3, S4-4: retryCount is one less than attempts (C1)."""
    code.jobs.cache_clear()

    job = code.jobs()[name]

    assert (job.timeout_s, job.attempts, job.alert_on_failure) == (timeout_s, retry_count + 1, True)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("syncWebUrls", "Sync Web URLs Job"),
        ("updateOpportunityScores", "Increase Score for Nearing Travel Date"),
        ("sampleJob", "Sample Job"),
    ],
)
def test_the_documented_names_are_titles(name: str, title: str) -> None:
    """C37: a route takes either."""
    code.jobs.cache_clear()

    assert code.jobs()[name].title == title
