"""A report's way, whoever makes it: asked for once, looked at now and then, lost if Amazon forgot it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from app.domains.amazon.client import Amazon
from app.domains.amazon.errors import AmazonError, ReportPending
from app.domains.amazon.operations import Operation
from app.domains.amazon.staging import State

FIRST_POLL_S = 5
LONGEST_POLL_S = 300
_NAMES = ("report_id", "polls", "poll_at", "document_id")
Made = TypeVar("Made")


def wait_for_report(
    amazon: Amazon,
    state: State,
    operation: Operation,
    create: Callable[[], str],
    poll: Callable[[str], Made | None],
) -> Made:
    """What ``poll`` says of the report that ``create`` asked for, once it says something.

    Until then ReportPending, 5 s later at first and 5 min at last; ``state`` keeps the report's id between the calls.
    A report that failed, or that Amazon no longer knows, is forgotten, so that a retry asks for a new one.
    """
    if "poll_at" in state and (poll_at := datetime.fromisoformat(state["poll_at"])) > amazon.now():
        raise ReportPending(poll_at, operation.name)
    if "report_id" not in state:
        state["report_id"] = create()
    with forgetting_lost_reports(state):
        made = poll(state["report_id"])
    if made is None:
        polls = state["polls"] = state.get("polls", 0) + 1
        until = amazon.now() + timedelta(seconds=min(FIRST_POLL_S * 2 ** (polls - 1), LONGEST_POLL_S))
        state["poll_at"] = until.isoformat()
        raise ReportPending(until, operation.name)
    return made


@contextmanager
def forgetting_lost_reports(state: State) -> Iterator[None]:
    """What Amazon no longer knows (404) is forgotten here too; the error is transient: a retry asks for a new one."""
    try:
        yield
    except AmazonError as error:
        if error.status != 404:
            raise
        forget_report(state)
        what = "Amazon no longer knows this report"
        raise AmazonError(error.operation, 404, error.code, what, transient=True) from None


def forget_report(state: State) -> None:
    """The next call asks for a new report."""
    for name in _NAMES:
        state.pop(name, None)


def report_failed(state: State, operation: Operation, status: str) -> AmazonError:
    """Amazon gave up on it: transient, since a new report may do."""
    report_id = state.get("report_id")
    forget_report(state)
    return AmazonError(operation.name, 200, status, f"Amazon could not make report {report_id}", transient=True)
