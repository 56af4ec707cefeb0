"""Which addresses are public."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from wasm_plugins.host.http.addresses import all_allowed, is_allowed, is_public

INTERNAL = [
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "168.63.129.17",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2a00::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("text", INTERNAL)
def test_an_internal_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    ("address", "network", "expected"),
    [
        ("10.0.5.1", "10.0.5.0/24", True),
        ("10.0.6.1", "10.0.5.0/24", False),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("::1", "::1/128", True),
        ("::1", "0.0.0.0/0", False),
        ("::ffff:10.0.5.1", "10.0.5.0/24", False),
        ("169.254.169.254", "0.0.0.0/0", False),
        ("168.63.129.16", "168.63.0.0/16", False),
        ("fd00:ec2::254", "fd00::/8", False),
        ("fd00:1::1", "fd00::/8", True),
        ("fe80::1", "::/0", False),
        ("224.0.0.1", "0.0.0.0/0", False),
        ("::ffff:169.254.169.254", "::/0", False),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::/96", False),
        ("64:ff9b::a00:501", "64:ff9b::/96", True),
        ("2002:a9fe:a9fe::1", "2002::/16", False),
        ("::ffff:0:0", "::/0", False),
        ("100.100.100.200", "100.64.0.0/10", False),
        ("100.64.0.1", "100.64.0.0/10", True),
        ("192.0.0.192", "192.0.0.0/24", False),
        ("fd20:ce::254", "fd00::/8", False),
    ],
)
def test_a_project_opens_its_own_networks_and_never_those_of_the_machines_keepers(
    address: str, network: str, expected: bool
) -> None:
    assert is_allowed(ip_address(address), [ip_network(network)]) is expected


def test_one_internal_address_spoils_all() -> None:
    assert all_allowed(["1.1.1.1", "2606:4700:4700::1111"], [])
    assert not all_allowed(["1.1.1.1", "10.0.0.1"], [])
