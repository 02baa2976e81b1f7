"""One table a file."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import MetaData

from app.models.base import Base


def every_table() -> MetaData:
    """The metadata of all models, each of which is imported first."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return Base.metadata
