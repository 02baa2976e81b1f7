"""A worker that wakes long after its claim."""

from __future__ import annotations

from app.broker.recorder import Ended
from app.ledger.recorder import Ledger
from tests.ledger.rows import claim, end, new_job, only_row, promised, started


def test_a_claim_from_before_the_end_is_no_retry_by_hand(ledger: Ledger) -> None:
    """Its host froze between claim and start, and another has done the job meanwhile: it is not done again."""
    job = new_job()
    late = promised(ledger, job)
    other = claim(job, worker="w2", claimed_ms=late.claimed_ms + 10_000)
    done = end(other, started(ledger, other))
    ledger.before_settle([done])
    ledger.settled([done])

    (verdict,) = ledger.claimed([late])

    assert isinstance(verdict, Ended)
    assert (only_row().run, only_row().worker) == (1, "w2")
