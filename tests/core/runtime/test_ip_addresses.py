"""Addresses that look public and are not, because they lead to what lies behind them."""

from __future__ import annotations

import pytest

from core.runtime.ip_addresses import address_of, is_public


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2a00::5efe:1"])
def test_anybodys(text: str) -> None:
    address = address_of(text)
    assert address is not None
    assert is_public(address)


@pytest.mark.parametrize(
    "text",
    [
        "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "2001:0:7f00:1::", "fec0::1", "feff::1", "fe80::1", "fd00:ec2::254",
        "2600::5efe:10.0.0.1", "2600::200:5efe:7f00:1", "3fff::1", "5f00::1", "4000::1", "::",
        "::1", "ff02::1", "100::1", "100.64.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1",
        "168.63.129.16", "169.254.169.254", "100.100.100.200", "0.1.2.3", "240.0.0.1",
        "::ffff:169.254.169.254",
    ],
)  # fmt: skip
def test_nobodys_on_the_internet(text: str) -> None:
    address = address_of(text)
    assert address is not None
    assert not is_public(address)
