"""Queue settings in SQL: kept before they are true in Redis, and set again after a loss (R16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import BigInteger, Connection, ScalarSelect, Table, Text, delete, func, select, type_coerce
from sqlalchemy import cast as sql_cast

from app.broker import keys
from app.ledger.batch import insert_missing
from app.ledger.upsert import inserting
from app.models.queue_setting import QueueSetting

queue_setting = cast("Table", QueueSetting.__table__)
SETTING = queue_setting.c
#: Says that there was an epoch; its key stands in place of a queue's name.
EPOCH = "epoch"
#: When Redis was last found to have lost data, in ms since 1970; beside it.
LOST_MS = "lost_ms"


def keep_setting(connection: Connection, queue: str, name: str, value: Any) -> None:
    """The setting has this value from now on; None takes it back."""
    if value is None:
        connection.execute(delete(queue_setting).where(SETTING.queue == queue, SETTING.name == name))
        return
    setting = inserting(connection, queue_setting).values(queue=queue, name=name, value=value)
    # Of two at once the second waits here for the first, and then has its own way.
    connection.execute(
        setting.on_conflict_do_update(index_elements=["queue", "name"], set_={"value": setting.excluded.value})
    )


def keep_foreign(connection: Connection, queue: str, name: str, seen: Any, value: Any) -> bool:
    """Somebody has set this past us; whether it is kept: not if ours has changed since it was seen."""
    stands = select(SETTING.value).where(SETTING.queue == queue, SETTING.name == name).with_for_update()
    if connection.execute(stands).scalar() != seen:
        return False
    connection.execute(delete(queue_setting).where(SETTING.queue == queue, SETTING.name == name))
    if value is not None:
        columns = (SETTING.queue, SETTING.name, SETTING.value)
        row = {"queue": queue, "name": name, "value": value}
        connection.execute(insert_missing(connection, queue_setting, columns, [row]))
    return True


def settings_by_queue(connection: Connection) -> Mapping[str, Mapping[str, Any]]:
    """Every setting that stands."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(select(queue_setting)):
        found[row.queue][row.name] = row.value
    return found


def has_epoch(connection: Connection, prefix: str) -> bool:
    """Whether a reconciler has ever known those queues to be whole: it brings back what they lose."""
    epoch = select(SETTING.name).where(SETTING.queue == keys.epoch(prefix), SETTING.name == EPOCH)
    return connection.execute(epoch).first() is not None


def lost_ms() -> ScalarSelect[int | None]:
    """When any Redis of this ledger was last found to have lost data."""
    at = sql_cast(type_coerce(SETTING.value, Text), BigInteger)
    return select(func.max(at)).where(SETTING.name == LOST_MS).scalar_subquery()
