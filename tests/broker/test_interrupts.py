"""What is raised in a run's thread arrives in that run or not at all, and leaves the interpreter as it was."""

from __future__ import annotations

import subprocess
import sys
import threading

from app.broker.interrupts import Cancelled, Interrupts
from tests.servers import wait_for

RUN = ("queue", "1")

TRACED_AFTERWARDS = """
import sys, threading, time
from app.broker.interrupts import Cancelled, Interrupts

def run():
    interrupts.arm(("queue", "1"), 60_000)
    armed.set()
    try:
        while True:
            time.sleep(0)
    except Cancelled:
        interrupts.disarm()

def trace(frame, event, argument):
    return trace

interrupts, armed = Interrupts(), threading.Event()
thread = threading.Thread(target=run)
thread.start()
armed.wait()
interrupts.interrupt(("queue", "1"), Cancelled)
thread.join()
sys.settrace(trace)
(lambda: None)()
sys.settrace(None)
"""


def test_a_function_can_be_traced_after_a_run_was_interrupted() -> None:
    """The mark of an exception that was taken back would keep it from beginning, for ever."""
    ended = subprocess.run([sys.executable, "-c", TRACED_AFTERWARDS], check=False, timeout=30)

    assert ended.returncode == 0


def test_what_is_raised_while_its_run_ends_reaches_nothing_after_it() -> None:
    """It arrives as the lock is had at last, before the run is forgotten."""
    interrupts, armed, may_end, gone_on = Interrupts(), threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        interrupts.arm(RUN, 60_000)
        armed.set()
        may_end.wait()
        interrupts.disarm()
        gone_on.set()

    thread = threading.Thread(target=run)
    thread.start()
    armed.wait()
    with interrupts._lock:
        may_end.set()
        wait_for(lambda: _is_in(thread, "_remove"), "the end to wait for the lock")
        assert interrupts.interrupt(RUN, Cancelled)

    assert gone_on.wait(5)
    assert not interrupts.interrupt(RUN, Cancelled), "the run was forgotten, and the lock is free"


def _is_in(thread: threading.Thread, function: str) -> bool:
    return sys._current_frames()[thread.ident or 0].f_code.co_name == function
