"""Where a browser is, for the hub's log: any browser sends any header, and only what known proxies add counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(text: str) -> tuple[Network, ...]:
    """Return the addresses and networks in `text`, which commas separate; raise `ValueError` for anything else."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def find_client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address of the browser behind our own proxy, which is `peer`, and `trusted` ones before it.

    `forwarded` is ``X-Forwarded-For``: each proxy adds at the end who asked it, and our own always does. What
    stands before the last address that is not trusted, anybody may have written.
    """
    found = peer
    for part in reversed(forwarded.split(",") if forwarded else []):
        try:
            address = ipaddress.ip_address(part.strip())
        except ValueError:
            break
        found = str(address)
        if not any(address in network for network in trusted):
            break
    return found
