"""What two failures have in common: the class of the error, and its message without what differs from job to job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

#: A longer message is looked at, and kept, this far.
MOST_CHARACTERS = 500
#: What stands for a value that differs: a quoted one, an address, an id, a number.
QUOTED, ADDRESS, ID, NUMBER = "'…'", "…@…", "*", "#"

#: The first that fits wins at each place. Bounded repeats: a hostile message costs one look at each character.
_VALUES = re.compile(
    r"""(?P<kept>\b(?:HTTP|status|code|errno|signal)[ :=]?[ ]?\d{1,3}\b)
    |(?P<quoted>'[^'\n]{0,200}'|"[^"\n]{0,200}"|`[^`\n]{0,200}`)
    |(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?)
    |(?P<address>[^\s@'"<>]{1,64}@[^\s@'"<>]{1,255})
    |(?P<number>(?<![\w.])[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?(?:ms|s|m|h|d|kB|MB|GB|B|%)?(?![\w-]))
    |(?P<id>\b(?=[\w-]{0,64}\d)[\w-]{2,64}(?:\.\d+Z?)?)""",
    re.VERBOSE | re.IGNORECASE,
)
_NAME = re.compile(r"'[A-Za-z_]{1,64}'")
_CLASS = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)")


@dataclass(frozen=True, slots=True)
class Signature:
    """``id`` (16 hexadecimal digits) is the same for the same class and message; the class may be unknown: ""."""

    id: str
    error_class: str
    message: str


def signature(error: str, stacktrace: str | None = None) -> Signature:
    """Of an error as a job's row keeps it: its message, and the trace that ends in its class."""
    error_class = _class_of(error, stacktrace or "")
    plain = " ".join(error[: 4 * MOST_CHARACTERS].split())
    # The message of a KeyError is its key: the name of a field, not a value.
    message = plain if _NAME.fullmatch(plain) else _VALUES.sub(_stand_in, plain)
    message = message[:MOST_CHARACTERS]
    return Signature(sha256(f"{error_class}\n{message}".encode()).hexdigest()[:16], error_class, message)


def _stand_in(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "quoted":
            return QUOTED
        case "address":
            return ADDRESS
        case "id":
            return ID
        case "number" | "time":
            return NUMBER
    return found[0]  # an HTTP status tells errors apart


def _class_of(error: str, stacktrace: str) -> str:
    """The last line of the trace that begins with a class and goes on with this message."""
    first_line = error.split("\n", 1)[0][:200]
    for line in reversed(stacktrace.splitlines()):
        found = _CLASS.match(line)
        if found and (line[found.end() :].strip().startswith(first_line) or first_line == found[1]):
            return found[1]
    return ""
