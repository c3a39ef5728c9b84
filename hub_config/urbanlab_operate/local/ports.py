"""Ports that are taken, named with the setting that would change them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

from urbanlab_hub.settings import PREFIX
from urbanlab_operate.errors import OperateError


def check_ports(bind: str, ports: Mapping[str, int]) -> None:
    """Raise `OperateError` with a sentence for each port that is in use or given twice."""
    problems = [*find_doubles(ports), *_find_taken(bind, ports)]
    if problems:
        raise OperateError("\n".join(problems))


def find_doubles(ports: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each port that is given twice."""
    first: dict[int, str] = {}
    for setting, port in ports.items():
        other = first.setdefault(port, setting)
        if other != setting:
            yield f"Port {port} is given twice, as {other} and as {setting}: change one of them."


def _find_taken(bind: str, ports: Mapping[str, int]) -> Iterator[str]:
    for setting, port in ports.items():
        if is_taken(bind, port):
            yield (
                f"Port {port} ({setting}) is in use by another program: end that program, "
                f"or choose another port by {PREFIX}{setting.upper()}=…"
            )


def is_taken(bind: str, port: int) -> bool:
    """Return whether nobody could listen at a port now."""
    with socket.socket() as probe:
        # As servers do: connections that ended a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return True
    return False
