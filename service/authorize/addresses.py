"""Whose address a request comes from, where proxies of ours stand between."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from flask import Request

Proxies = tuple[IPv4Network | IPv6Network, ...]
FORWARDED: Final = "X-Forwarded-For"
# what one household or machine has of IPv6 (RFC 6177)
_SITE: Final = 64


def is_of(address: str | None, proxies: Proxies) -> bool:
    """Tell whether an address is one of the proxies'."""
    try:
        peer = ip_address(address or "")
    except ValueError:
        return False
    return any(peer in network for network in proxies)


def sender(request: Request, proxies: Proxies) -> str:
    """Return the address of who sent a request: the last before our proxies; of IPv6 its network.

    What anybody else says in the header is not heeded.
    """
    address = request.remote_addr or ""
    header = request.headers.get(FORWARDED)
    said = header.split(",") if header else []
    while said and is_of(address, proxies):
        address = said.pop().strip()
    return _network(address)


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((address, _SITE), strict=False))
    return str(address)
