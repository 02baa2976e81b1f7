"""Dramatiq's pipelines, at no cost for the many messages that are not part of one."""

from __future__ import annotations

from typing import Any

import dramatiq.middleware
from dramatiq import Broker, MessageProxy


class Pipelines(dramatiq.middleware.Pipelines):
    """``pipe_target``: what the actor returns is sent on as an argument of the next message."""

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Send the next message, if there is one."""
        if "pipe_target" in message.options:
            super().after_process_message(broker, message, result=result, exception=exception)  # type: ignore[no-untyped-call]  # Dramatiq's
