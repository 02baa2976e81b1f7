"""On the path of a program, this makes its host's clock wrong: by WRONG_BY_S seconds, from the first line on.

Every Python process of the program has it, the keeper too; time goes on as fast as elsewhere. ``time.monotonic`` is
right, as it is on a host with a wrong clock; what C libraries ask the kernel themselves is right too, which nothing
that is tested here does.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import time_machine

time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(os.environ["WRONG_BY_S"])), tick=True).start()
