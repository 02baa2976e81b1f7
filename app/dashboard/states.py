"""The states of a job as a picture: boxes, the ways between them, and where the job is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["calm", "busy", "good", "warn", "bad"]

#: Left, middle of each box, in the picture's own units.
BOX_WIDTH, BOX_HEIGHT = 132, 40
PLACES: dict[str, tuple[int, int, str]] = {
    "waiting-children": (0, 30, "waits for children"),
    "delayed": (192, 150, "delayed"),
    "waiting": (192, 30, "waiting"),
    "active": (392, 30, "active"),
    "completed": (592, 30, "completed"),
    "failed": (592, 95, "failed"),
    "partial": (822, 30, "partial"),
    "cancelled": (822, 95, "cancelled"),
    "removed": (822, 160, "removed"),
}
#: From, to, and what happens on the way.
WAYS: tuple[tuple[str, str, str], ...] = (
    ("waiting-children", "waiting", "all ended"),
    ("delayed", "waiting", "due"),
    ("waiting", "active", "claimed"),
    ("active", "delayed", "retry, park"),
    ("active", "completed", ""),
    ("active", "failed", ""),
    ("completed", "partial", "some accounts"),
    ("failed", "cancelled", "by hand"),
)
#: The others appear only with a job in them.
ALWAYS = ("waiting", "delayed", "active", "completed", "failed")
SAME = {"prioritized": "waiting", "retrying": "delayed"}
TONES: dict[str, Tone] = {"active": "busy", "completed": "good", "partial": "warn", "failed": "bad", "retrying": "warn"}


@dataclass(frozen=True, slots=True)
class Box:
    """A state; ``here`` if the job is in it."""

    x: int
    y: int
    text: str
    here: bool
    tone: Tone


@dataclass(frozen=True, slots=True)
class Way:
    """A line between two boxes, as an SVG path, with its words in the middle."""

    path: str
    text: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Diagram:
    """The picture, and in words what it shows."""

    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]
    words: str

    @property
    def left(self) -> int:
        """Where the first box begins."""
        return min(box.x for box in self.boxes)

    @property
    def right(self) -> int:
        """Where the last one ends."""
        return max(box.x for box in self.boxes) + BOX_WIDTH


def diagram(state: str) -> Diagram:
    """Of a job in that state; an unknown one is in no box."""
    at = SAME.get(state, state)
    shown = {name for name in PLACES if name in ALWAYS or name == at}
    boxes = tuple(
        Box(x, y, state if name == at and state in SAME else text, name == at, TONES.get(state, "calm"))
        for name, (x, y, text) in PLACES.items()
        if name in shown
    )
    ways = tuple(_way(*way) for way in WAYS if {way[0], way[1]} <= shown)
    return Diagram(boxes, ways, f"The job is {state}.")


def _way(start: str, end: str, text: str) -> Way:
    x1, y1, _ = PLACES[start]
    x2, y2, _ = PLACES[end]
    if x1 == x2:  # up
        x = x1 + BOX_WIDTH // 2
        return Way(f"M{x} {y1 - BOX_HEIGHT // 2} V{y2 + BOX_HEIGHT // 2 + 5}", text, x + 20, (y1 + y2) // 2)
    if x2 < x1:  # back: down, then to the left
        x, y = x1 + BOX_WIDTH // 2, y2
        return Way(f"M{x} {y1 + BOX_HEIGHT // 2} V{y} H{x2 + BOX_WIDTH + 5}", text, (x + x2 + BOX_WIDTH) // 2, y - 8)
    middle = (x1 + BOX_WIDTH + x2) // 2
    return Way(f"M{x1 + BOX_WIDTH} {y1} H{middle} V{y2} H{x2 - 5}", text, middle, min(y1, y2) - 8)
