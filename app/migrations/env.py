"""Alembic's side of a migration: it runs in the connection that ``app.migrations.run`` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeDecorator

from app.models import every_table


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our types are written as what they are in the database: an old migration must outlive them."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=every_table(),
    render_item=render,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
