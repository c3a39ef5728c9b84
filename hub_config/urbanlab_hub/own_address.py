"""Small programs in the system that leave an account one address to be reached at, by whatever way it listens.

Landlock forbids to bind other ports. A socket that listens without having been bound gets a port nevertheless,
other protocols (MPTCP) are not asked, and the own port is free at the machine's other addresses. So nothing comes
in at any other listener of the group, and the group has no sockets of other protocols. Nor does it connect to the
host of users' servers: those ask for a login, but the way they do it names whose they are. This takes a control
group of version 2, with or without limits in it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from urbanlab_hub.system_calls import BPF, call_system

_LOAD, _ATTACH = 5, 8
# Kind of program, and where it is attached.
_PACKETS, _SOCKETS, _CONNECT_4, _CONNECT_6 = (8, 0), (9, 2), (18, 10), (18, 11)
PROTOCOLS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6)
_LISTENING = 10
# Offsets in what the system shows to programs: a packet's socket; a socket's protocol, host, port and state;
# and where a connection goes, of IPv6 the last two words.
_SOCKET, _PROTOCOL, _HOST, _PORT, _STATE = 168, 12, 24, 44, 72
_TARGET_4, _TARGET_6, _MAPPED = 4, 20, 16
_MAPPED_MARK = socket.htonl(0xFFFF) - (1 << 32 if sys.byteorder == "little" else 0)
_GET_WHOLE_SOCKET = 95

_Instruction = tuple[int, int, int, int, int]  # code, target, source, offset, number
_READ, _READ_POINTER, _SET, _CALL = 0x61, 0x79, 0xB4, 0x85
_IF_EQUAL, _UNLESS_EQUAL, _UNLESS_SAME, _UNLESS_EQUAL_WORD = 0x15, 0x55, 0x5D, 0x56
_EXIT: _Instruction = (0x95, 0, 0, 0, 0)


def leave_address(group: Path, host: str, port: int) -> None:
    """Let a group be reached by TCP at one address of IPv4 only, and connect to no other port of that host.

    Raises `OSError` where the system has no way.
    """
    programs = (
        (_PACKETS, _make_packet_filter(host, port)),
        (_SOCKETS, _make_socket_filter()),
        (_CONNECT_4, _make_connect_filter(host, ((_TARGET_4, None),))),
        (_CONNECT_6, _make_connect_filter(host, ((_MAPPED, _MAPPED_MARK), (_TARGET_6, None)))),
    )
    target = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for (kind, place), program in programs:
            loaded = _load(kind, place, program)
            try:
                # The group keeps it, and drops the one that was there before.
                _call_bpf(_ATTACH, struct.pack("=IIII", target, loaded, place, 0))
            finally:
                os.close(loaded)
    finally:
        os.close(target)


def is_possible() -> bool:
    """Return whether the system takes such programs from us."""
    try:
        os.close(_load(*_PACKETS, _make_packet_filter("127.0.0.1", 1)))
    except OSError:
        return False
    return True


def _make_packet_filter(host: str, port: int) -> list[_Instruction]:
    """Drop what arrives at a listening socket of another address."""
    own_host = _to_word(host)
    return [
        (_READ_POINTER, 1, 1, _SOCKET, 0),
        (_IF_EQUAL, 1, 0, 9, 0),  # no socket: let it pass
        (_CALL, 0, 0, 0, _GET_WHOLE_SOCKET),
        (_IF_EQUAL, 0, 0, 7, 0),
        (_READ, 1, 0, _STATE, 0),
        (_UNLESS_EQUAL, 1, 0, 5, _LISTENING),
        (_READ, 1, 0, _PORT, 0),
        (_UNLESS_EQUAL, 1, 0, 5, port),
        (_READ, 1, 0, _HOST, 0),
        (_SET, 2, 0, 0, own_host),
        (_UNLESS_SAME, 1, 2, 2, 0),
        (_SET, 0, 0, 0, 1),
        _EXIT,
        (_SET, 0, 0, 0, 0),
        _EXIT,
    ]


def _make_socket_filter() -> list[_Instruction]:
    """Refuse a socket of another protocol."""
    count = len(PROTOCOLS)
    checks: list[_Instruction] = [
        (_IF_EQUAL, 2, 0, count - index + 1, protocol) for index, protocol in enumerate(PROTOCOLS)
    ]
    refuse: list[_Instruction] = [(_SET, 0, 0, 0, 0), _EXIT]
    return [(_READ, 2, 1, _PROTOCOL, 0), *checks, *refuse, (_SET, 0, 0, 0, 1), _EXIT]


def _make_connect_filter(host: str, words: Sequence[tuple[int, int | None]]) -> list[_Instruction]:
    """Refuse a connection whose target has these words; None stands for the host's."""
    checks: list[_Instruction] = []
    for index, (offset, word) in enumerate(words):
        number = _to_word(host) if word is None else word
        jump = 2 * (len(words) - index - 1) + 2
        checks += [(_READ, 2, 1, offset, 0), (_UNLESS_EQUAL_WORD, 2, 0, jump, number)]
    return [*checks, (_SET, 0, 0, 0, 0), _EXIT, (_SET, 0, 0, 0, 1), _EXIT]


def _to_word(host: str) -> int:
    return int.from_bytes(socket.inet_aton(host), sys.byteorder, signed=True)


def _load(kind: int, place: int, program: list[_Instruction]) -> int:
    code = b"".join(
        struct.pack("=BBhi", operation, target | source << 4, offset, number)
        for operation, target, source, offset, number in program
    )
    text, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"EUPL")
    attributes = struct.pack(
        "=IIQQIIQII16sII",
        *(kind, len(program), ctypes.addressof(text), ctypes.addressof(licence)),
        *(0, 0, 0, 0, 0, b"urbanlab", 0, place),
    )
    return _call_bpf(_LOAD, attributes)


def _call_bpf(command: int, attributes: bytes) -> int:
    return call_system(BPF, command, attributes, len(attributes))
