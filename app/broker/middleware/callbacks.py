"""Dramatiq's callbacks, for ends that are ends."""

from __future__ import annotations

from typing import Any

import dramatiq.middleware
from dramatiq import Broker, MessageProxy

from app.broker import outcome


class Callbacks(dramatiq.middleware.Callbacks):
    """``on_success`` and ``on_failure`` as in Dramatiq, except that a run which was only put off has not failed."""

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Send the message to the actor that waits for this."""
        if not isinstance(exception, outcome.PUT_OFF):
            super().after_process_message(broker, message, result=result, exception=exception)  # type: ignore[no-untyped-call]  # Dramatiq's
