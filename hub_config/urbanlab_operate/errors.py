"""What an operator is told in one sentence, without a traceback."""

from __future__ import annotations


class OperateError(RuntimeError):
    """Something that the operator can put right; the message says how and is safe to show."""
