"""The PROXY protocol, version 2: a load balancer says first whose connection it passes on.

https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, section 2.2
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from service.errors import Malformed

Network = IPv4Network | IPv6Network
SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
SECONDS: Final = 5.0
LONGEST: Final = 4_096
_HEAD: Final = len(SIGNATURE) + 4
_VERSION: Final = 2
_LOCAL, _PROXY = 0, 1
# TCP over IPv4 and over IPv6: how many bytes an address takes, and two with their ports
_ADDRESSES: Final = {0x11: (4, 12), 0x21: (16, 36)}


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks of the load balancers that are believed; everybody else speaks for themselves."""

    networks: Sequence[Network] = ()

    async def origin(self, connection: socket.socket) -> str:
        """Return the address that a connection came from, having read what a load balancer says first.

        Raises:
            Malformed: a load balancer does not say it.
            OSError: it says nothing in time, or is gone.
        """
        peer = plain(str(connection.getpeername()[0]))
        if not any(ip_address(peer) in network for network in self.networks):
            return peer
        async with asyncio.timeout(SECONDS):
            head = await _exactly(connection, _HEAD)
            rest = await _exactly(connection, bytes_to_come(head))
        return source_address(head, rest) or peer


def bytes_to_come(head: bytes) -> int:
    """Return how many bytes follow the first 16 of a header; raises Malformed when that begins none."""
    length = int.from_bytes(head[14:16])
    if not head.startswith(SIGNATURE) or head[12] >> 4 != _VERSION or length > LONGEST:
        raise Malformed("No header of the PROXY protocol, version 2; have the load balancer send it.")
    return length


def source_address(head: bytes, rest: bytes) -> str | None:
    """Return the address that a header names, or None where the load balancer speaks for itself.

    Raises:
        Malformed: it names none, or one of another kind than TCP over IP has.
    """
    if head[12] & 0xF == _LOCAL:
        return None
    size, least = _ADDRESSES.get(head[13], (0, 0))
    if head[12] & 0xF != _PROXY or not size or len(rest) < least:
        raise Malformed("The header of the PROXY protocol names no TCP connection over IP.")
    return plain(str(ip_address(rest[:size])))


def plain(address: str) -> str:
    """Return an IPv4 address that stands in an IPv6 one as itself, and no zone."""
    ip = ip_address(address.partition("%")[0])
    return str(getattr(ip, "ipv4_mapped", None) or ip)


async def _exactly(connection: socket.socket, count: int) -> bytes:
    """Read so many bytes and not one more: what follows may be the beginning of TLS."""
    loop = asyncio.get_running_loop()
    content = b""
    while len(content) < count:
        data = await loop.sock_recv(connection, count - len(content))
        if not data:
            raise ConnectionResetError
        content += data
    return content
