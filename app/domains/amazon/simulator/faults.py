"""Faults that a test or an operator asks for, each used up after so many calls."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

KINDS = ("html_503", "expired_token", "revoked", "slow", "cut_connection", "malformed", "truncated_gzip", "throttle")


class UnknownFault(ValueError):
    """No fault has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no fault named {name!r}; known: {', '.join(KINDS)}, and slow with its time as 'slow(1500)'")


@dataclass(slots=True)
class Fault:
    """One fault: for a seller (``id`` or ``id-country``, ``*`` for all) and an operation (``*`` for all).

    ``times`` is how many calls it still hits; None hits until it is cleared.
    """

    seller: str
    operation: str
    kind: str
    times: int | None = 1
    ms: int = 0

    @classmethod
    def parse(cls, seller: str, operation: str, fault: str, times: int | None) -> Fault:
        """A fault as ``POST /faults`` names it; raises UnknownFault."""
        named = re.fullmatch(r"(\w+?)(?:[(:](\d+)\)?)?", fault)
        if named is None or named[1] not in KINDS:
            raise UnknownFault(fault)
        return cls(seller, operation, named[1], times, int(named[2] or 1_000))


class Faults:
    """The faults that are set, oldest first."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._set.append(fault)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._set.clear()

    def strike(self, seller: str, country: str, operation: str, revocable: bool = True) -> Fault | None:
        """The oldest fault for this call, one use of it taken; None for a call without a fault.

        A revoked seller is revoked in every operation, whichever was named, but for those that need no token.
        """
        with self._lock:
            for fault in self._set:
                if fault.seller not in {"*", seller, f"{seller}-{country}"}:
                    continue
                hit = revocable if fault.kind == "revoked" else fault.operation in {"*", operation}
                if not hit or (fault.kind == "truncated_gzip" and operation != "document"):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._set.remove(fault)
                return fault
        return None
