"""Calls of the system that Python has no names for."""

from __future__ import annotations

import ctypes
import os
import platform

_libc = ctypes.CDLL(None, use_errno=True)
_BPF = {"x86_64": 321, "aarch64": 280}
BPF = _BPF.get(platform.machine(), -1)  # the system refuses a call that it does not know


def call_system(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call; raise `OSError` where it is refused."""
    # Numbers are as wide as addresses: the library would take each for a C int.
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *wide))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def set_process_option(option: int, value: int) -> None:
    """Set one of the options of `prctl`; raise `OSError` where it is refused."""
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
