"""The producer and the clock: ``dramatiq producer.main -p 1 -t 1 --queues cron`` and ``periodiq producer.main``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import dramatiq
from periodiq import PeriodiqMiddleware, cron
from redis.exceptions import RedisError

from app import log
from app.broker.connection import connect
from app.clock import follow, from_ms, utc_now
from app.crontab.code import load_or_exit
from app.crontab.execute import run_entry
from app.domains.amazon.budget import Budget
from app.jobs.actor import actor
from app.jobs.catalog import ADD_RECURRING_JOB, BEAT, PROMISE_DAILY_UPDATES, PROMISE_WEEKLY_UPDATES
from app.jobs.engine import broker
from app.jobs.limits import RateLimits
from app.jobs.payloads import Slot
from app.jobs.presence import Presence
from app.ledger.retention import Retention
from app.settings import settings
from producer.beat import BeatActor
from producer.clocks import Clocks
from producer.pulse import Pulse
from producer.reconcile import Reconciler
from producer.stalled import StalledWatch
from producer.tick import tick
from producer.watch import Watch


def now() -> datetime:
    """Redis's time, as all queues have it; this host's until Redis has answered once."""
    try:
        return from_ms(broker().clock.now_ms())
    except RedisError:
        return utc_now()


def keep_in_order(now: datetime) -> None:
    """What is done every 10 s: Redis and the rows agree, and what ended long ago is forgotten."""
    watch_stalled(broker().engine.leases)
    reconcile(now)
    trim(now)


def start_budgets_empty() -> None:
    """Amazon remembers what we have spent, even if we do not; the simulator starts anew with our Redis."""
    if not settings().uses_simulator:
        Budget(connect(settings().cache_redis_url)).start_empty()


log.configure("json" if settings().environment == "production" else "console", settings().log_level.upper())
dramatiq.set_broker(broker())
follow(broker().clock.known_ms)
load_or_exit()
reconcile = Reconciler(broker(), lost=start_budgets_empty)
watch_stalled = StalledWatch()
trim = Retention(broker(), keep=timedelta(days=settings().ledger_retention_days))
pulse = Pulse(tick, keep_in_order, now, watch=Watch(), may_tick=Clocks().agree, is_urgent=reconcile.has_loss)
# However late a beat arrives, it is taken: what is due is decided from the crontab, not from the beat.
broker().add_middleware(PeriodiqMiddleware(skip_delay=10**9))
broker().add_middleware(pulse)
broker().add_middleware(Presence())
broker().add_middleware(RateLimits())


@actor(BEAT, periodic=cron("* * * * *"), actor_class=BeatActor)
def beat() -> None:
    """A minute has begun."""
    pulse.beat()


@actor(PROMISE_DAILY_UPDATES)
def promise_daily_updates(**asked: Any) -> Any:
    """Enqueue the users of an hour."""
    return run_entry(Slot(**asked))


@actor(PROMISE_WEEKLY_UPDATES)
def promise_weekly_updates(**asked: Any) -> Any:
    """Enqueue the users of a day."""
    return run_entry(Slot(**asked))


@actor(ADD_RECURRING_JOB)
def add_recurring_job(**asked: Any) -> Any:
    """Add the job that an entry of the run time is about."""
    return run_entry(Slot(**asked))
