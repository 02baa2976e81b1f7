"""Colours as WCAG AA asks, in both themes, computed from the stylesheet's own tokens."""

from __future__ import annotations

import re
from itertools import product

import pytest

from app.dashboard.site import STATIC

CSS = (STATIC / "dashboard.css").read_text()
THEMES = {
    "light": ":root {",
    "dark": '[data-theme="dark"] {',
    "the system's dark": '[data-theme="system"] {',
}
GROUNDS = ("ground", "sheet", "sunk")
TONES = ("good", "warn", "bad", "busy", "calm")
#: What is written on what. A heat map's two darkest shades are written on in the colour of a sheet.
TEXTS = (
    *product(("ink", "soft"), GROUNDS),
    *product(("accent", "good", "bad", "warn"), ("ground", "sheet")),
    *((tone, f"{tone}-wash") for tone in (*TONES, "accent")),
    *(("ink", wash) for wash in ("accent-wash", "calm-wash")),
    *(("ink", f"heat-{shade}") for shade in (1, 2, 3)),
    *(("sheet", f"heat-{shade}") for shade in (4, 5)),
    ("soft", "accent-wash"),
    ("accent-ink", "accent"),
    ("ground", "bad"),
)
#: What is drawn, and must be told from what is beside it: edges of fields, the focus, lines and bars of charts.
DRAWN = (
    *product(("edge", "focus"), ("ground", "sheet")),
    *product(("accent", "busy", "warn", "good", "bad"), ("sheet",)),
)


def tokens(theme: str) -> dict[str, str]:
    """The colours of a theme by name."""
    block = CSS[CSS.index(THEMES[theme]) :]
    found = re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block[: block.index("}")])
    return {
        name: colour if len(colour) == 7 else "#" + "".join(2 * one for one in colour[1:]) for name, colour in found
    }


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_ratio_is_that_of_the_standard() -> None:
    """Its own ends, and a grey that is known to pass just so."""
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, 4.5), (DRAWN, 3.0)], ids=["texts", "drawn"])
def test_every_pair_has_contrast_enough(theme: str, pairs: tuple[tuple[str, str], ...], least: float) -> None:
    """4.5 for what is read, 3 for what is seen."""
    colours = tokens(theme)

    found = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}

    assert {pair: ratio for pair, ratio in found.items() if ratio < least} == {}


def test_the_systems_dark_is_the_dark_that_one_chooses() -> None:
    """The same colours, written twice because a media query cannot share a rule."""
    assert tokens("dark") == tokens("the system's dark")
    assert tokens("dark").keys() == tokens("light").keys()
