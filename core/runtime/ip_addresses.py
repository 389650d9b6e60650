"""Tells public IP addresses from private and local ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: all that is given out to anybody; what Python does not know as private lies outside it, too:
#: site-local, a network's own NAT64, IPv4 within IPv6
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
_NOBODYS = (
    ipaddress.ip_network("3fff::/20"),  # for documentation
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's own services, to each of its machines
)
_ISATAP = (0x5EFE, 0x0200_5EFE)  #: before an IPv4 address, in the lower half


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
    return _is_given_out(address) and all(map(_is_given_out, _inner(address)))


def _is_given_out(address: IpAddress) -> bool:
    if address.version == 6 and address not in _GIVEN_OUT and address not in _NAT64:
        return False
    return address.is_global and not address.is_multicast and not is_within(address, _NOBODYS)


def is_within(address: IpAddress, networks: Sequence[IpNetwork]) -> bool:
    """Whether one of these networks has it."""
    return any(address in network for network in networks)


def _inner(address: IpAddress) -> Sequence[ipaddress.IPv4Address]:
    """The IPv4 address behind this one: 6to4, Teredo, NAT64, ISATAP."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.sixtofour, *(address.teredo or ())[1:]]
    if address in _NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
