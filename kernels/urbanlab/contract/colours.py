"""Colours that can be read, by the contrast ratio of WCAG 2.1 (relative luminance of sRGB)."""

from __future__ import annotations

READABLE = 4.5  # what WCAG 2.1 AA asks of text
_STEPS = 20


def measure_contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours ``#rrggbb``: 1 for the same, 21 for black on white."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lighten(colour: str, ground: str) -> str:
    """Return `colour`, with as much white in it as makes it readable on a dark `ground`."""
    channels = _split(colour)
    for step in range(_STEPS + 1):
        mixed = "#" + "".join(f"{round(each + (255 - each) * step / _STEPS):02x}" for each in channels)
        if measure_contrast(mixed, ground) >= READABLE:
            return mixed
    return "#ffffff"


def _luminance(colour: str) -> float:
    red, green, blue = (_linearize(each / 255) for each in _split(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linearize(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _split(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
