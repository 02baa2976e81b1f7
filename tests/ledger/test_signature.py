"""Errors that differ only in a value are one error; errors of another kind are not."""

from __future__ import annotations

import time

import pytest

from app.ledger.signature import signature

TRACE = 'Traceback (most recent call last):\n  File "x.py", line 3, in f\n'


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("no job '77' in queue 'user-updates'", "no job '…' in queue '…'"),
        ('user "ada" is gone', "user '…' is gone"),
        ("getOrders: HTTP 503, InternalFailure: try later", "getOrders: HTTP 503, InternalFailure: try later"),
        ("took 12.5s of 10 at 2026-01-01T09:00:00.001Z", "took # of # at #"),
        ("account 3fa85f64-5717-4562-b3fc-2c963f66afa6 of seller-01", "account * of *"),
        ("lock 0x7ffd00ab taken by host-12-a1b2c3", "lock * taken by *"),
        ("no answer from ada@example.com", "no answer from …@…"),
        ("connect to 10.0.0.1:6379\n  failed", "connect to #:# failed"),
        ("'user_id'", "'user_id'"),
        ("it ran into its time limit", "it ran into its time limit"),
    ],
)
def test_what_differs_from_job_to_job_is_left_out(error: str, message: str) -> None:
    """Numbers, ids, hexadecimal, quoted values, times, addresses; an HTTP status stays."""
    assert signature(error).message == message


def test_the_class_is_read_from_the_trace_and_tells_errors_apart() -> None:
    """A dotted class by its last name; of a chain the last error, which is the one that was raised."""
    chained = f"{TRACE}KeyError: 'a'\n\nDuring handling of the above exception, another occurred:\n\n{TRACE}"

    raised = signature("no seller 7", f"{chained}app.domains.errors.NoSeller: no seller 7\n")
    other = signature("no seller 8", f"{TRACE}ValueError: no seller 8\n")

    assert (raised.error_class, other.error_class) == ("NoSeller", "ValueError")
    assert raised.id != other.id
    assert raised.id == signature("no seller 9", f"{TRACE}app.domains.errors.NoSeller: no seller 9\n").id
    assert signature("KeyError", f"{TRACE}KeyError\n").error_class == "KeyError"
    assert signature("exited with signal 9").error_class == ""


@pytest.mark.parametrize("hostile", ["a-" * 500_000, "'" * 1_000_000, "1a" * 500_000, "@" * 1_000_000, "9" * 1_000_000])
def test_a_hostile_message_costs_no_more_than_a_long_one(hostile: str) -> None:
    """A megabyte costs less than a second of this thread, and is kept short."""
    began = time.thread_time()

    found = signature(hostile, hostile)

    assert time.thread_time() - began < 1
    assert len(found.message) <= 500
