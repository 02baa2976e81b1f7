"""The API's people, for attacks on it."""

from __future__ import annotations

from tests.api import conftest as people

api = people.api
machine = people.machine
client = people.client
as_ = people.as_
