"""Tells public IP addresses from private and local ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def address_of(text: str) -> IpAddress | None:
    """The address, IPv4 where it is written as IPv6; None for what is no address.

    The name of an interface (fe80::1%eth0) is left out.
    """
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def is_public(address: IpAddress) -> bool:
    """Whether it is anybody's on the internet, and so is the one that it may lead to."""
    return all(one.is_global and not one.is_multicast for one in (address, *_inner(address)))


def is_within(address: IpAddress, networks: Sequence[IpNetwork]) -> bool:
    """Whether one of these networks has it."""
    return any(address in network for network in networks)


def _inner(address: IpAddress) -> Sequence[ipaddress.IPv4Address]:
    """The IPv4 address behind this one: 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.sixtofour, *(address.teredo or ())[1:]]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
