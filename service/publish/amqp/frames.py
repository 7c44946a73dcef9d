"""AMQP 0-9-1 frames of a persistent publish and of its confirm, by hand: they are most of what a relay does.

https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf sections 2.3.5 and 4.2; a test holds them to pika's.
"""

from struct import Struct
from typing import Final

from service.publish.ports import Copy, Misfit

CONTENT_TYPE: Final = "application/cloudevents+json"
_FRAME: Final = Struct(">BHI")
_METHOD: Final = Struct(">HHH")
_HEADER: Final = Struct(">BHIHHQH")
_END: Final = b"\xce"
_OVERHEAD: Final = _FRAME.size + len(_END)
_MANDATORY: Final = b"\x01"
_PERSISTENT: Final = b"\x02"
# content-type, delivery-mode, message-id
_FLAGS: Final = 1 << 15 | 1 << 12 | 1 << 7
_WITH_HEADERS: Final = _FLAGS | 1 << 13
# told as `sequence` is, so that the two compare as text
PREVIOUS: Final = "casebridge-previous"
_CLASS, _PUBLISH, _ACK = 60, 40, 80
# its head, the delivery tag, `multiple`, its end
_ACKS: Final = Struct(">11sQ?c")


class Frames:
    """Makes the frames of one channel; few methods differ, so those are kept."""

    def __init__(self, channel: int, largest: int) -> None:
        """Take the channel's number and the largest frame that was agreed on."""
        self._channel = channel
        self._piece = largest - _OVERHEAD
        self._methods: dict[tuple[str, str, bool], bytes] = {}
        self._last: tuple[str, bytes, int | None, bytes] = ("", b"", None, b"")

    def of(self, copy: Copy) -> bytes:
        """Return the bytes of a publish; raises Misfit when a name does not fit."""
        key = (copy.exchange, copy.routing_key, copy.mandatory)
        method = self._methods.get(key)
        if method is None:
            names = _short(copy.exchange) + _short(copy.routing_key)
            payload = _METHOD.pack(_CLASS, _PUBLISH, 0) + names + (_MANDATORY if copy.mandatory else b"\0")
            method = self._methods[key] = _FRAME.pack(1, self._channel, len(payload)) + payload + _END
        id_, body, previous, content = self._last
        # copies of one message follow each other
        if copy.id != id_ or copy.body is not body or copy.previous != previous:
            content = self._content(copy)
            self._last = (copy.id, copy.body, copy.previous, content)
        return method + content

    def _content(self, copy: Copy) -> bytes:
        flags, headers = (_FLAGS, b"") if copy.previous is None else (_WITH_HEADERS, _headers(copy.previous))
        body, properties = copy.body, b"".join((_KIND, headers, _PERSISTENT, _short(copy.id)))
        size = _HEADER.size - _FRAME.size + len(properties)
        header = _HEADER.pack(2, self._channel, size, _CLASS, 0, len(body), flags)
        parts = [header, properties, _END]
        for at in range(0, len(body), self._piece):
            piece = body[at : at + self._piece]
            parts += (_FRAME.pack(3, self._channel, len(piece)), piece, _END)
        return b"".join(parts)


def acks(data: bytes, channel: int) -> tuple[list[tuple[int, bool]], bytes]:
    """Return (delivery tag, multiple) of each Basic.Ack of a channel that data begins with, and the rest."""
    size = _ACKS.size - _OVERHEAD
    head = _FRAME.pack(1, channel, size) + _METHOD.pack(_CLASS, _ACK, 0)[:4]
    taken = []
    for start, tag, multiple, end in _ACKS.iter_unpack(data[: len(data) // _ACKS.size * _ACKS.size]):
        if start != head or end != _END:
            break
        taken.append((tag, multiple))
    return taken, data[len(taken) * _ACKS.size :]


def _headers(previous: int) -> bytes:
    """Return the table of headers: one text."""
    return _HEADERS + b"%020d" % previous


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 255:
        raise Misfit("A name of the message is longer than the 255 bytes that AMQP has for it.")
    return bytes((len(encoded),)) + encoded


_KIND: Final = _short(CONTENT_TYPE)
_NAME: Final = _short(PREVIOUS)
# all of the table but the twenty digits: its size, a name, that a long text follows, how long that is
_HEADERS: Final = b"".join(((len(_NAME) + 5 + 20).to_bytes(4), _NAME, b"S", (20).to_bytes(4)))
