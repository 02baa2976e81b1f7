"""The ``toril`` command, as it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import update

from app import db
from app.auth.tokens import subject
from app.clock import utc_now
from app.crontab.entries import sync
from app.models.crontab_cursor import CrontabCursor
from app.settings import settings
from tests.cli.conftest import Run
from tests.servers import free_port

PASSWORD = "correct horse battery staple\n"


def test_a_user_is_added_listed_verified_and_removed(toril: Run) -> None:
    """By e-mail address or by id."""
    added = toril("users", "add", "ada@example.com", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    user_id = added.stdout.strip()

    verified = toril("users", "verify", "ada@example.com")
    listed = toril("users", "list")
    removed = toril("users", "remove", user_id, "--yes")
    left = toril("users", "list")

    assert [done.returncode for done in (added, verified, listed, removed, left)] == [0] * 5
    heading, row = listed.stdout.splitlines()
    assert heading.split() == ["ID", "EMAIL", "ROLE", "VERIFIED"]
    assert row.split()[:3] == [user_id, "ada@example.com", "admin"]
    assert len(left.stdout.splitlines()) == 1


def test_what_is_refused_is_one_line_and_exit_code_1(toril: Run) -> None:
    """Without a traceback."""
    refused = {
        "'ada' is not an e-mail address": toril("users", "add", "ada", "--password-stdin", stdin=PASSWORD),
        "the password has 3 characters": toril("users", "add", "a@b.com", "--password-stdin", stdin="abc\n"),
        "the password has 129 characters": toril("users", "add", "a@b.com", "--password-stdin", stdin="a" * 129),
        "no user 'nobody'": toril("users", "verify", "nobody"),
        "no job 'nothing'": toril("status", "--job", "nothing"),
        "ENCRYPTION_KEYS: key 1 is not a Fernet key": toril("doctor", ENCRYPTION_KEYS="x"),
        "no time zone named 'Mars'": toril("users", "list", TIMEZONE="Mars"),
        "production needs SECRET_KEY": toril("users", "list", TORIL_ENV="production"),
    }

    for says, done in refused.items():
        assert done.returncode == 1, done
        assert says in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_code_2(toril: Run) -> None:
    """With the usage."""
    wrong = [toril("fly"), toril("users", "add"), toril("enqueue"), toril("enqueue", "7", "--country", "US")]

    assert [done.returncode for done in wrong] == [2] * 4
    assert all("Usage" in done.stderr for done in wrong)


def test_what_is_away_is_named_with_exit_code_3(toril: Run) -> None:
    """The database's file cannot be made there; nobody listens on that port."""
    user_id = toril("users", "add", "ada@example.com", "--password-stdin", stdin=PASSWORD).stdout.strip()

    no_database = toril("users", "list", DATABASE_URL="sqlite:////nowhere/at/all.db")
    no_redis = toril("enqueue", user_id, REDIS_URL=f"redis://127.0.0.1:{free_port()}")

    assert (no_database.returncode, no_redis.returncode) == (3, 3)
    assert no_database.stderr.startswith("error: the database cannot be used")
    assert no_redis.stderr.splitlines()[-1].startswith("error: the queue Redis cannot be reached")


def test_an_issued_token_signs_in(toril: Run, machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It names its user, signed with this machine's key."""
    user_id = toril("users", "add", "ada@example.com", "--password-stdin", stdin=PASSWORD).stdout.strip()

    token = toril("tokens", "issue", "ada@example.com").stdout.strip()

    monkeypatch.setenv("TORIL_VAR", machine["TORIL_VAR"])
    settings.cache_clear()
    assert subject(token) == user_id


def test_the_installed_command_prints_a_new_key(machine: dict[str, str], tmp_path: Path) -> None:
    """As a process of its own, for ENCRYPTION_KEYS."""
    script = Path(sys.executable).with_name("toril")

    done = subprocess.run(
        [script, "keys", "new"], env=machine, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert Fernet(done.stdout.strip())


def test_an_update_is_enqueued_and_shown(toril: Run) -> None:
    """One job id a user, and a row in the ledger."""
    for name in ("ada", "bob"):
        toril("users", "add", f"{name}@example.com", "--password-stdin", "--verified", stdin=PASSWORD)

    enqueued = toril("enqueue", "ada@example.com", "bob@example.com", "--cadence", "both")
    first, second = enqueued.stdout.split()
    newest = toril("status")
    one = json.loads(toril("status", "--job", first).stdout)

    assert enqueued.returncode == newest.returncode == 0
    assert "waiting 2" in newest.stdout
    assert {row.split()[0] for row in newest.stdout.splitlines()[2:]} == {first, second}
    assert (one["jobId"], one["status"], one["maxAttempts"]) == (first, "waiting", 4)


def test_the_doctor_finds_what_is_wrong(toril: Run, redis: Redis, tmp_path: Path) -> None:
    """A schema that was never migrated, and a Redis that drops jobs when it is full."""
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        sick = toril("doctor", DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    finally:
        redis.config_set("maxmemory-policy", "noeviction")

    assert sick.returncode == 1
    assert "run `toril migrate`" in sick.stdout
    assert "maxmemory-policy is allkeys-lru" in sick.stdout


def test_the_doctor_is_content_after_migrate(toril: Run, tmp_path: Path) -> None:
    """And says what has not run yet; a second migrate has nothing to do."""
    elsewhere = f"sqlite:///{tmp_path}/new/other.db"

    migrated = toril("migrate", DATABASE_URL=elsewhere)
    again = toril("migrate", DATABASE_URL=elsewhere)
    content = toril("doctor", DATABASE_URL=elsewhere)

    assert migrated.stdout.startswith("applied 0001")
    assert again.stdout == "nothing to apply\n"
    assert content.returncode == 0, content.stdout
    assert "dailyUpdates (0 * * * *, UTC) is not in the table yet" in content.stdout


def test_the_doctor_sees_a_clock_that_stands_still(toril: Run) -> None:
    """One entry was looked at now, the other has missed a slot by more than the policy allows."""
    with db.session() as session:
        sync(session, utc_now())
        a_week_ago = utc_now() - timedelta(days=7)
        session.execute(
            update(CrontabCursor).where(CrontabCursor.entry_id == "weeklyUpdates").values(added_until=a_week_ago)
        )

    said = toril("doctor").stdout

    assert "ok       dailyUpdates (0 * * * *, UTC), next" in said
    assert "warning  weeklyUpdates (0 0 * * *, UTC) missed" in said


def test_a_queue_is_renamed_only_when_that_was_meant(toril: Run) -> None:
    """It asks first; what is refused is one line."""
    asked = toril("rename-queue", "old", "user-updates", stdin="n\n")
    absent = toril("rename-queue", "old:updates", "user-updates", "--yes")
    unknown = toril("rename-queue", "user-updates", "nothing", "--yes")

    assert [done.returncode for done in (asked, absent, unknown)] == [1, 1, 1]
    assert "move all of it to 'user-updates'?" in asked.stdout
    assert absent.stderr.startswith("error: there is no queue 'old:updates', neither in Redis nor in the ledger")
    assert unknown.stderr.startswith("error: no queue named 'nothing'")
