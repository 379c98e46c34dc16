"""Twelve colours that stay apart, also for people who confuse red with green or blue with yellow.

The first seven are those of Okabe and Ito (Color Universal Design, 2008) that are not black; the
others were chosen for their distance in OKLab from all before them, as seen with full sight and with
each of the three kinds of colour blindness (simulated after Machado, Oliveira, Fernandes 2009).
"""

from __future__ import annotations

from typing import Final, TypeAlias

RGB: TypeAlias = tuple[int, int, int]

COLORS: Final[tuple[RGB, ...]] = (
    (0xE6, 0x9F, 0x00),  # orange
    (0x56, 0xB4, 0xE9),  # sky blue
    (0x00, 0x9E, 0x73),  # bluish green
    (0xF0, 0xE4, 0x42),  # yellow
    (0x00, 0x72, 0xB2),  # blue
    (0xD5, 0x5E, 0x00),  # vermilion
    (0xCC, 0x79, 0xA7),  # reddish purple
    (0x96, 0x1E, 0x4B),  # wine
    (0x78, 0xFF, 0xFF),  # cyan
    (0x5A, 0x00, 0xF0),  # indigo
    (0xA5, 0x69, 0xFF),  # violet
    (0x96, 0xD2, 0x96),  # pale green
)


def color(label: int) -> RGB:
    """The colour of a class; with more than twelve classes they come round again."""
    return COLORS[label % len(COLORS)]


def ink_on(ground: RGB) -> RGB:
    """Black or white, whichever reads better on `ground` (by its luma, ITU-R BT.601)."""
    red, green, blue = ground
    return (0, 0, 0) if 299 * red + 587 * green + 114 * blue > 140_000 else (255, 255, 255)
