"""/api/v1/queues/:queueName/recurring: jobs that come again, in an operator's hands."""

from __future__ import annotations

from typing import Any

import pytest

from app import db
from app.clock import utc_now
from app.crontab import emergency
from app.ledger import audit
from app.models.user import Role
from tests.api.conftest import Called, Caller

MAIN = "/api/v1/queues/user:updates/recurring"
ASKED = {"jobName": "process_user_data", "data": {"user_id": "7"}, "cron": "*/10 * * * *"}


@pytest.fixture
def operator(as_: Called) -> Caller:
    """Somebody who acts on queues."""
    return as_(Role.OPERATOR)


def actions() -> list[str]:
    """What is on the trail, the oldest first."""
    with db.reading() as session:
        return [one.action for one in reversed(session.scalars(audit.trail()).all())]


def test_a_recurring_job_is_scheduled_listed_changed_and_removed(operator: Caller, as_: Called) -> None:
    """S3-18 with the document's sample; every act is on the trail, every read open to viewers."""
    made = operator.post(MAIN, json={**ASKED, "timezone": "Europe/Madrid", "reason": "ordered"})
    same = operator.post(MAIN, json={**ASKED, "timezone": "Europe/Madrid"})
    shown = made.get_json()["data"]
    listed = as_(Role.VIEWER).get(MAIN).get_json()["data"]
    one = f"{MAIN}/{shown['id']}"
    changed = operator.patch(one, json={"cron": "0 30 6 * * *", "data": {"user_id": "8"}, "options": {"priority": 2}})
    stopped = operator.patch(one, json={"enabled": False}).get_json()["data"]
    removed = operator.delete(one)

    assert (made.status_code, same.get_json()["data"]["id"]) == (201, shown["id"])
    assert (shown["queueName"], shown["jobName"], shown["cron"]) == ("user-updates", "process_user_data", ASKED["cron"])
    assert (shown["timezone"], shown["cronInWords"]) == ("Europe/Madrid", "Every 10th minute of every hour")
    assert [entry["id"] for entry in listed] == [shown["id"]]
    after = changed.get_json()["data"]
    assert (after["cron"], after["data"], after["options"]) == ("0 30 6 * * *", {"user_id": "8"}, {"priority": 2})
    assert after["nextRun"] is not None
    assert (stopped["enabled"], stopped["nextRun"], stopped["data"]) == (False, None, {"user_id": "8"})
    assert removed.get_json() == {"success": True, "message": "Recurring job removed successfully"}
    assert operator.get(one).status_code == 404
    assert actions() == ["entry.created", "entry.changed", "entry.changed", "entry.removed"]


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        ({"cron": "61 * * * *"}, 400, "cron: "),
        ({"timezone": "Mars/Olympus"}, 400, "timezone: "),
        ({"data": {}}, 400, "data.user_id: Field required"),
        ({"data": {"user_id": "7", "token": "x"}}, 400, "data.token: "),
        ({"jobName": "nothing"}, 400, "no job 'nothing' can be added by hand to queue 'user-updates'"),
        ({"options": {"priority": -1}}, 400, "options.priority: must be a whole number of places"),
        ({"id": "a:b"}, 400, "id: "),
        ({"every": 5}, 400, "every: "),
    ],
)
def test_a_bad_field_is_refused_by_its_name(operator: Caller, said: dict[str, Any], status: int, error: str) -> None:
    """And nothing is scheduled."""
    refused = operator.post(MAIN, json={**ASKED, **said})

    assert refused.status_code == status
    assert refused.get_json()["error"].startswith(error)
    assert operator.get(MAIN).get_json()["data"] == []


def test_a_change_is_checked_as_a_new_one_is(operator: Caller) -> None:
    """The entry stays as it was."""
    one = f"{MAIN}/{operator.post(MAIN, json=ASKED).get_json()['data']['id']}"

    refused = [operator.patch(one, json=body) for body in ({"data": {"user": "7"}}, {"cron": "never"})]

    assert [reply.status_code for reply in refused] == [400, 400]
    assert [reply.get_json()["error"].partition(":")[0] for reply in refused] == ["data.user_id", "cron"]
    assert operator.get(one).get_json()["data"]["data"] == {"user_id": "7"}


def test_who_only_looks_schedules_nothing(as_: Called) -> None:
    """Operators and above."""
    viewer = as_(Role.VIEWER)

    assert [viewer.post(MAIN, json=ASKED).status_code, viewer.delete(f"{MAIN}/x").status_code] == [403, 403]
    assert as_().get(MAIN).status_code == 403


def test_nothing_is_scheduled_while_everything_is_stopped(operator: Caller) -> None:
    """409, as for every start."""
    emergency.stop_everything(by="1", at=utc_now())

    refused = operator.post(MAIN, json=ASKED)

    assert refused.status_code == 409
    assert "stopped since" in refused.get_json()["error"]


def test_an_entry_of_the_code_is_no_recurring_job(operator: Caller) -> None:
    """404 for it, and for another queue's."""
    made = operator.post(MAIN, json=ASKED).get_json()["data"]["id"]

    assert operator.get(f"{MAIN}/syncWebUrls").status_code == 404
    assert operator.get(f"/api/v1/queues/cron/recurring/{made}").status_code == 404
