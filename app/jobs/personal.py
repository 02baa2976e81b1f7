"""What in a job's data is somebody's own business: hidden wherever jobs are shown (CONTRACTS C46)."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[redacted]"

#: Names of fields, in lower case, without hyphens and underscores.
PERSONAL = frozenset(
    {
        *("recipient", "recipients", "email", "emails", "mail", "phone", "phones"),
        *("password", "secret", "token", "refreshtoken", "accesstoken", "apikey", "authorization"),
    }
)
#: Bounded, so that a long text without an address costs one look at each character.
_PART = r"[^\s@\"'<>(){}\[\],;:]"
_ADDRESS = re.compile(rf"{_PART}{{1,64}}@{_PART}{{1,255}}")


def redacted(value: Any) -> Any:
    """The same JSON with personal fields hidden, and e-mail addresses wherever they stand; its shape stays."""
    match value:
        case dict():
            return {key: _hidden(item) if _plain(key) in PERSONAL else redacted(item) for key, item in value.items()}
        case list():
            return [redacted(item) for item in value]
        case str():
            return _ADDRESS.sub(HIDDEN, value) if "@" in value else value
        case _:
            return value


def _hidden(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case list():
            return [_hidden(item) for item in value]
        case dict():
            return {key: _hidden(item) for key, item in value.items()}
        case _:
            return HIDDEN


def _plain(key: Any) -> str:
    return str(key).lower().replace("_", "").replace("-", "")
