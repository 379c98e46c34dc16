"""The colors of all pictures, charts and pages, which stay apart with color blindness too.

`COLORS` are for classes on images. The first seven are from Okabe and Ito (Color Universal Design, 2008)
that are not black; the others were chosen for their distance in OKLab from all before them, with full color
vision and with each of the three kinds of color blindness (simulated after Machado, Oliveira and Fernandes,
2009).
`LINES` are for lines and marks in charts: hues of the same kind, darker on white paper and lighter on dark.
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
LINES: Final = ("#0072b2", "#c8500a", "#008a63", "#a8467f", "#8a6400", "#5b4bc4", "#3d7f9e", "#6b6f76")
"""On white: blue, vermilion, green, purple, ocher, indigo, steel blue, gray."""
LINES_ON_DARK: Final = (
    "#62b5ee",
    "#f28e4d",
    "#3fc39a",
    "#e08cbd",
    "#dcae3e",
    "#a99bff",
    "#86c7e2",
    "#a6adb7",
)
"""The same hues on a dark page."""
BACKGROUND_COLOR: Final[RGB] = (38, 40, 46)
VOID_COLOR: Final[RGB] = (224, 224, 224)
_VOID_LABEL: Final = 255


def color(label: int) -> RGB:
    """The color of a class; the twelve colors repeat."""
    return COLORS[label % len(COLORS)]


def map_color(label: int) -> RGB:
    """The color of a label in a label map, where label 0 is the background and 255 is void.

    Label n has the color of class n - 1 of a detection dataset.
    """
    if label == _VOID_LABEL:
        return VOID_COLOR
    return BACKGROUND_COLOR if label == 0 else color(label - 1)


def as_hex(rgb: RGB) -> str:
    """A color as CSS and Pillow read it.

    >>> as_hex((0, 114, 178))
    '#0072b2'
    """
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def line_styles() -> str:
    """CSS that sets `--c0`, `--c1`, … to the line colors: on white, on a dark page, and in print."""
    light, dark = (
        f":root{{{';'.join(f'--c{n}:{one}' for n, one in enumerate(colors))}}}"
        for colors in (LINES, LINES_ON_DARK)
    )
    return f"{light}\n@media screen and (prefers-color-scheme: dark){{{dark}}}\n"


def ink_on(ground: RGB) -> RGB:
    """Black or white, whichever is more readable on `ground` (by its luma, ITU-R BT.601)."""
    red, green, blue = ground
    return (0, 0, 0) if 299 * red + 587 * green + 114 * blue > 140_000 else (255, 255, 255)
