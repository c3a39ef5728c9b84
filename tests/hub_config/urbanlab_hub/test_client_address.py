"""Only what known proxies say counts, whatever a browser sends."""

from __future__ import annotations

import pytest

from urbanlab_hub.client_address import find_client_address, read_networks

OWN = "127.0.0.1"  # the proxy that the hub knows anyway


@pytest.mark.parametrize(
    ("forwarded", "trusted", "found"),
    [
        ("", "", OWN),  # asked at the hub's own port
        ("192.0.2.7", "", "192.0.2.7"),
        ("203.0.113.9,192.0.2.7", "", "192.0.2.7"),  # the browser made up the first
        ("203.0.113.9, 192.0.2.7", "192.0.2.7", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 192.0.2.7", "192.0.2.7", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 192.0.2.7", "192.0.2.8", "192.0.2.7"),
        ("203.0.113.9, 10.1.2.3, 10.9.9.9", "10.0.0.0/8", "203.0.113.9"),
        ("10.1.2.3, 10.9.9.9", "10.0.0.0/8", "10.1.2.3"),
        ("<script>, 192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("anna@alpha) 200 GET /\n", "", OWN),
        ("2001:db8::1, ::1", "::1", "2001:db8::1"),
        (",,,", "", OWN),
    ],
)
def test_the_browser_is_behind_the_last_proxy_that_is_trusted(
    forwarded: str, trusted: str, found: str
) -> None:
    assert find_client_address(OWN, forwarded, read_networks(trusted)) == found


@pytest.mark.parametrize("text", ["lab.example", "10.0.0.0/99", "10.0.0.1/8", "*"])
def test_what_names_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        read_networks(text)
