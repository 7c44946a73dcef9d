"""One connection of the MLLP server: frames in, each answered before the next is looked at."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import uuid4

import structlog

from service.errors import CasebridgeError, TooLarge
from service.receive.mllp.framing import FS, Frame, Framer, Oversized, frame_of
from service.values.inbound.senders import Sender
from service.wire.hl7v2.er7.answer import answer, verdict_of
from service.wire.hl7v2.er7.parse import header_of
from service.wire.hl7v2.er7.read import LIMIT

CHUNK: Final = 65_536
LARGE: Final = 262_144
GARBAGE: Final = 65_536
LINGER_SECONDS: Final = 5.0
CR_SECONDS: Final = 0.25

End = Literal["peer", "cut off", "idle", "unproven", "slow", "unread", "oversized", "garbage", "lost", "stop"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What a frame came to: its answers, none when the sender wants none, and whose it was.

    `partner` is None where nobody is registered who could have sent it: it cannot be accepted.
    """

    answers: tuple[bytes, ...] = ()
    partner: str | None = None


Work = Callable[[bytes, Sender], Awaitable[FrameResult]]


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """What one server lets its senders use.

    Connections: at most `connections` are open, of them at most `strangers` of addresses and certificates
    that nobody is registered by, `peer_connections` from one network of strangers, and `partner_connections`
    for each partner. Past these somebody makes room (see `admission`), or a new one is closed at once.

    A connection is closed after `idle_seconds` without a whole message, after `unproven_seconds` where none
    of a partner's came, and when one takes longer than `frame_seconds` from its first byte to its last.
    `workers` messages are worked on at a time; at the end there are `stop_seconds` for them. Of messages over
    LARGE bytes only `large_messages` are held in memory at a time, at most half of them from one partner; the
    senders of others wait. Strangers send none.
    """

    message_bytes: int = LIMIT
    connections: int = 256
    strangers: int = 64
    peer_connections: int = 8
    partner_connections: int = 64
    workers: int = 16
    large_messages: int = 4
    idle_seconds: float = 600.0
    unproven_seconds: float = 60.0
    frame_seconds: float = 60.0
    write_seconds: float = 30.0
    stop_seconds: float = 6.0


class Conversation:
    """Reads, has worked on, and answers, until someone ends it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sender: Sender,
        limits: MllpLimits,
        work: Work,
        rooms: Sequence[asyncio.Semaphore],
    ) -> None:
        """Take the connection, whose it is, its limits, what is done with a message, and room for large ones.

        A large message wants a place in each of `rooms`.
        """
        self.framer = Framer(limits.message_bytes)
        self.busy = False
        """Whether a message is in hand."""
        self.proven = False
        """Whether a message came that a partner could have sent."""
        self.heard = self._begun = asyncio.get_running_loop().time()
        """When the last message came, or it began."""
        self.stopping = False
        """Set to end it after the message in hand."""
        self._reader = reader
        self._writer = writer
        self._sender = sender
        self._limits = limits
        self._work = work
        self._rooms = rooms
        self._taken: list[asyncio.Semaphore] = []
        self._whole_until: float | None = None
        self._litter = 0
        self._waiting_for: End = "idle"

    async def run(self) -> End:
        """Converse, hang up, and tell what ended it."""
        with suppress(OSError, AttributeError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            end = await self._converse()
        except TimeoutError:
            end = self._waiting_for
        except OSError:
            end = "lost"
        finally:
            self._leave_rooms()
        if end in {"cut off", "slow", "unread", "garbage", "oversized"}:
            log.warning("mllp_connection_ended", by=end)
        await self.hang_up()
        return end

    async def hang_up(self) -> None:
        """Close the connection; what the peer does not read in time is dropped."""
        if self._waiting_for != "unread":
            self._writer.close()
            if await self._closed():
                return
        self.abort()
        await self._closed()

    def abort(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()

    async def _closed(self) -> bool:
        """Wait from beside it: who is told to stop meanwhile can wait once more."""
        done, _ = await asyncio.wait({asyncio.ensure_future(self._end())}, timeout=LINGER_SECONDS)
        return bool(done)

    async def _end(self) -> None:
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _converse(self) -> End:
        clock = asyncio.get_running_loop().time
        while not self.stopping:
            until, self._waiting_for = self._patience()
            if not self.framer.inside and clock() > until:
                return self._waiting_for
            frames = await self._next_frames(until)
            if frames is None:
                return "cut off" if self.framer.inside else "peer"
            if (end := await self._answer_frames(frames)) is not None:
                return end
            if self.framer.held > LARGE and not self._taken:
                await self._enter_rooms()
                self._whole_until = None
            if self.framer.inside:
                self._whole_until = self._whole_until or clock() + self._limits.frame_seconds
            elif self.framer.garbage - self._litter > GARBAGE:
                return "garbage"
        return "stop"

    def _patience(self) -> tuple[float, End]:
        """Return until when the next bytes may come, and what it is when they do not.

        Nothing that no partner could have sent prolongs it.
        """
        if self._whole_until is not None:
            return self._whole_until, "slow"
        if self.proven:
            return self.heard + self._limits.idle_seconds, "idle"
        seconds = min(self._limits.unproven_seconds, self._limits.idle_seconds)
        return self._begun + seconds, "unproven"

    async def _answer_frames(self, frames: Sequence[Frame | Oversized]) -> End | None:
        """Have frames worked on and answered; return what ends the conversation by that, or None."""
        for frame in frames:
            if isinstance(frame, Oversized):
                self._leave_rooms()
                await self._refuse(frame.head)
                return "oversized"
            await self._reply(frame.body)
            if self.stopping:
                return "stop"
        if frames:
            self.heard, self._whole_until = asyncio.get_running_loop().time(), None
            self._litter = self.framer.garbage
            self._leave_rooms()
        return None

    async def _next_frames(self, until: float) -> Sequence[Frame | Oversized] | None:
        """Wait for bytes and return what is complete with them; None when the peer sends no more.

        After FS it is waited but shortly for the CR: who leaves it out waits for the answer.
        """
        pending = self.framer.pending
        if pending:
            until = min(until, asyncio.get_running_loop().time() + CR_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                data = await self._reader.read(CHUNK)
        except TimeoutError:
            if not pending:
                raise
            return self.framer.settle()
        return self.framer.feed(data) if data else self.framer.settle() or None

    async def _enter_rooms(self) -> None:
        for room in self._rooms:
            await room.acquire()
            self._taken.append(room)

    def _leave_rooms(self) -> None:
        while self._taken:
            self._taken.pop().release()

    async def _reply(self, body: bytes) -> None:
        self.busy = True
        try:
            handled = await self._work(body, self._sender)
            self.proven = self.proven or handled.partner is not None
            for reply in handled.answers:
                await self._send(reply)
        finally:
            self.busy = False

    async def _refuse(self, head: bytes) -> None:
        """Answer a message that is too large and let its sender finish: a reset could overtake the answer."""
        reply = None
        if header_of(head) is not None:
            what = f"The message has over {self._limits.message_bytes} bytes; send less in one."
            reply = refusal(head, TooLarge(what))
        if reply is not None:
            await self._send(reply)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(LINGER_SECONDS):
                    while (data := await self._reader.read(CHUNK)) and FS not in data:
                        pass

    async def _send(self, reply: bytes) -> None:
        self._waiting_for = "unread"
        async with asyncio.timeout(self._limits.write_seconds):
            self._writer.write(frame_of(reply))
            await self._writer.drain()
        self._waiting_for = "idle"


def refusal(raw: bytes, error: CasebridgeError) -> bytes | None:
    """Answer a message with an error."""
    now, control_id = datetime.now(UTC), uuid4().hex[:20]
    return answer(header_of(raw), verdict_of(error), error.issues, now=now, control_id=control_id)
