"""The API's people, for attacks on it."""

from __future__ import annotations

from tests.api import conftest as api

machine = api.machine
client = api.client
as_ = api.as_
