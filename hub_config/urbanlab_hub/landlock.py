"""Landlock: a process gives up rights that its account has, for itself and all that it starts.

A user's server may open a TCP port at one number only, its own. Code in it can then neither take the port of a
service that is just being started again, nor wait at another port of a host whose cookies a browser sends to it.
It also cannot signal, or reach by abstract sockets, whatever runs outside of the server. Files are left to Unix.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from urbanlab_hub.system_calls import call_system

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_BIND_TCP, _RULE_NET_PORT, _NET_VERSION = 1, 2, 4
_ABSTRACT_SOCKETS, _SIGNALS, _SCOPE_VERSION = 1, 2, 6


def get_version() -> int:
    """Return the version of Landlock that the system has; 0 where it has none."""
    with suppress(OSError):
        return call_system(_CREATE_RULESET, None, 0, _ASK_VERSION)
    return 0


def limits_ports() -> bool:
    """Return whether the system can say at which ports a process may listen."""
    return get_version() >= _NET_VERSION


def make_ruleset(port: int) -> int | None:
    """Return the descriptor of rules that leave one TCP port to listen at, or None where there can be none."""
    version = get_version()
    if version < _NET_VERSION:
        return None
    scopes = _ABSTRACT_SOCKETS | _SIGNALS if version >= _SCOPE_VERSION else 0
    # Files, network, scopes: the rights that are given up unless a rule gives them back.
    attributes = struct.pack("=QQQ", 0, _BIND_TCP, scopes)[: 24 if scopes else 16]
    ruleset = call_system(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        call_system(_ADD_RULE, ruleset, _RULE_NET_PORT, struct.pack("=QQ", _BIND_TCP, port), 0)
    except OSError:
        os.close(ruleset)
        raise
    return ruleset


def restrict_self(ruleset: int) -> None:
    """Put this process under the rules; it must have no way left to gain privileges."""
    call_system(_RESTRICT_SELF, ruleset, 0)
