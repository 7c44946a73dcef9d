"""Where a request comes from: the peer, or whom a proxy of ours names in `X-Forwarded-For`."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from flask import Request

Proxies = tuple[IPv4Network | IPv6Network, ...]
HEADER: Final = "X-Forwarded-For"
# what one household or machine has of IPv6 (RFC 6177)
_SITE: Final = 64


def is_of(address: str | None, proxies: Proxies) -> bool:
    """Tell whether an address is one of the proxies'."""
    try:
        peer = ip_address(address or "")
    except ValueError:
        return False
    return any(peer in network for network in proxies)


def address_of(request: Request, proxies: Proxies) -> str | None:
    """Return the address that a request comes from.

    Each proxy adds whom it was asked by at the right: the last one that is no proxy of ours is who asks. What
    stands left of it, and what anybody else sends, is anybody's word.
    """
    address = request.remote_addr
    if not proxies or not is_of(address, proxies):
        return address
    for hop in reversed(request.headers.get(HEADER, "").split(",")):
        try:
            address = str(ip_address(hop.strip()))
        except ValueError:
            return address
        if not is_of(address, proxies):
            return address
    return address


def network_of(request: Request, proxies: Proxies) -> str:
    """Return the address that a request comes from; of IPv6 its network, for who has one has all of it."""
    try:
        address = ip_address(address_of(request, proxies) or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((address, _SITE), strict=False))
    return str(address)
