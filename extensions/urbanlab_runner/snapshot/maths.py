"""Formulas as MathML, made once, so that a page needs no script for them."""

from __future__ import annotations

from html import escape

MAX_FORMULA = 4000


def to_mathml(formula: str, *, block: bool) -> str:
    """Return a formula of LaTeX as MathML; as text where it cannot be read."""
    # A heavy table of symbols, and few notebooks hold a formula.
    from latex2mathml.converter import convert

    plain = formula.strip().strip("$")
    try:
        if len(plain) > MAX_FORMULA:
            raise ValueError("no formula is so long")
        return str(convert(plain, display="block" if block else "inline"))
    except Exception:  # noqa: BLE001 - any mistake in somebody's formula; it has no class for them
        return f"<code>{escape(formula)}</code>"
