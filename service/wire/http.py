"""The one outbound HTTP client: addresses that somebody else chose, a JWK Set's or a partner's endpoint.

The host is resolved once, and what was resolved is connected to, so that no second answer of a name server
can lead elsewhere. No redirect is followed, no proxy asked, and the whole has a bound in bytes and in time.
"""

import re
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from threading import Event, Timer
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, urlsplit

from service.errors import Unavailable
from service.values.access.credentials import Fetched
from service.values.inbound.followed import Received

SECONDS: Final = 5.0
POST_SECONDS: Final = 35.0
"""As long as an endpoint may take to work on what it is sent."""
BYTES: Final = 65_536
RESOURCE_BYTES: Final = 5_000_000
"""What a FHIR server may answer to one question."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
# RFC 4291 section 2.4: site-local addresses, and those of a network's own NAT64, are outside
_UNICAST: Final = IPv6Network("2000::/3")
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,;])", re.IGNORECASE)
_UNKEPT: Final = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,;])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server is shown of who asks: a token, the files of a certificate and its key (PEM), headers."""

    token: str = ""
    certificate: Path | None = None
    key: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


NOBODY: Final = Shown()


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None
    shown: Shown = NOBODY


def fetch(url: str, private_hosts: Collection[str] = (), seconds: float = SECONDS) -> Fetched:
    """Return what an address answers to GET: 200 and at most `BYTES`.

    `private_hosts` are those that may have an address that is not public.

    Raises:
        Unavailable: it does not answer so within `seconds`, or has such an address; no error names it.
    """
    question = _Question("GET", {"Accept": "application/json"})
    with _answer(url, question, private_hosts, seconds) as answer:
        # not read(): of a chunk with a negative length that takes all that comes
        body = bytearray(BYTES + 1)
        del body[answer.readinto(body) :]
        status, kept = answer.status, answer.headers.get_all("Cache-Control", [])
    if status != 200:
        raise Unavailable(f"It answers {status}, and not 200.")
    if len(body) > BYTES:
        raise Unavailable(f"It answers more than {BYTES} bytes.")
    return Fetched(bytes(body), _max_age(",".join(kept)))


def post(
    url: str,
    body: bytes,
    media_type: str,
    private_hosts: Collection[str] = (),
    seconds: float = POST_SECONDS,
    shown: Shown = NOBODY,
) -> int:
    """Post to an address and return the status; what else is answered is not read.

    Raises:
        Unavailable: as `fetch`.
    """
    headers = {**shown.headers, "Content-Type": media_type, "Accept": media_type}
    if shown.token:
        headers["Authorization"] = f"Bearer {shown.token}"
    question = _Question("POST", headers, body, shown)
    with _answer(url, question, private_hosts, seconds) as answer:
        return answer.status


def exchange(
    method: str,
    url: str,
    body: bytes | None,
    token: str,
    private_hosts: Collection[str] = (),
    *,
    seconds: float = POST_SECONDS,
    most: int = RESOURCE_BYTES,
) -> Received:
    """Ask a FHIR server something, and return what it answers, at most so many bytes.

    Raises:
        Unavailable: as `fetch`.
    """
    kind = "application/fhir+json"
    headers = {"Accept": kind, **({"Content-Type": kind} if body is not None else {})}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with _answer(url, _Question(method, headers, body), private_hosts, seconds) as answer:
        read = bytearray(most + 1)
        length = 0
        while length <= most and (more := answer.readinto(memoryview(read)[length:])):
            length += more
        status, location = answer.status, answer.headers.get("Location", "")
    if length > most:
        raise Unavailable(f"It answers more than {most} bytes.")
    return Received(status, bytes(read[:length]), location)


@contextmanager
def _answer(
    url: str, question: _Question, private_hosts: Collection[str], seconds: float
) -> Iterator[HTTPResponse]:
    try:
        with _connected(urlsplit(url), question, private_hosts, seconds) as answer:
            yield answer
    except (OSError, HTTPException, ValueError) as exc:
        raise Unavailable(f"It does not answer as it should ({type(exc).__name__}).") from exc


@contextmanager
def _connected(
    parts: SplitResult, question: _Question, private_hosts: Collection[str], seconds: float
) -> Iterator[HTTPResponse]:
    """Give the answer; when the time is over its connection ends, whatever is waited for then."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    end = monotonic() + seconds
    family, address = _resolved(host, port, host in private_hosts)
    with closing(socket.socket(family, socket.SOCK_STREAM)) as plain:
        plain.settimeout(_seconds_until(end))
        plain.connect(address)
        connection = plain
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if question.shown.certificate is not None:
                context.load_cert_chain(question.shown.certificate, question.shown.key)
            connection = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        with closing(connection), _ending(connection, _seconds_until(end)) as over:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            http = HTTPConnection(host, port)
            http.sock = connection
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            http.request(question.method, target, question.body, {"Host": parts.netloc, **question.headers})
            with closing(http.getresponse()) as answer:
                yield answer
            if over.is_set():
                raise TimeoutError


def _seconds_until(end: float) -> float:
    """Return how many seconds are left; raises TimeoutError when none are."""
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@contextmanager
def _ending(connection: socket.socket, seconds: float) -> Iterator[Event]:
    over = Event()
    timer = Timer(seconds, _end, (connection, over))
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def _end(connection: socket.socket, over: Event) -> None:
    """Say that the time is over, and end a connection that another thread waits at."""
    over.set()
    with suppress(OSError):
        # not the method of TLS, after which whoever reads would read without it
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _resolved(host: str, port: int, may_be_private: bool) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the first of a host's addresses; raises Unavailable unless all are public, or may be others."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not may_be_private and not all(_is_public(entry[4][0]) for entry in addresses):
        raise Unavailable("Its host has an address that is not public; `private_hosts` would allow that.")
    family, _, _, _, address = addresses[0]
    return family, (str(address[0]), port)


def _is_public(text: str | int) -> bool:
    address: IPv4Address | IPv6Address = ip_address(str(text).partition("%")[0])
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in _NAT64:
            within = IPv4Address(int(address) & 0xFFFF_FFFF)
        elif within is None and address not in _UNICAST:
            return False
        address = within or address
    return address.is_global and not address.is_multicast


def _max_age(text: str) -> int | None:
    if _UNKEPT.search(text):
        return 0
    match = _MAX_AGE.search(text)
    return int(match[1]) if match else None
