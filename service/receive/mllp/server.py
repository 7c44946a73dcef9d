"""The door for HL7 v2 over MLLP: a server of framed messages, each answered on its connection, in order.

Sockets are waited for without a thread each; what is done with a message runs in one of a bounded number of
threads, and its connection is not read while it does.
"""

import asyncio
import contextvars
import socket
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from service import telemetry
from service.errors import CasebridgeError, Malformed, Misconfigured
from service.receive.mllp.admission import Admission, Visit, Who
from service.receive.mllp.certificates import Tls, names
from service.receive.mllp.conversation import CHUNK, LARGE, Conversation, FrameResult, MllpLimits, refusal
from service.receive.mllp.proxied import Proxies
from service.values.inbound.senders import Sender

HANDSHAKE_SECONDS: Final = 10.0
BACKLOG: Final = 1_024
PAUSE_SECONDS: Final = 0.2

MESSAGES = Counter("casebridge_mllp_messages", "Frames received, by what became of them", ["outcome"])
CONNECTIONS = Gauge("casebridge_mllp_connections", "Connections open now", multiprocess_mode="livesum")
ENDED = Counter("casebridge_mllp_connections_ended", "Connections ended, by who or what ended them", ["by"])
GARBAGE_BYTES = Counter("casebridge_mllp_garbage_bytes", "Bytes received outside of frames")

log = structlog.get_logger()


class Handler(Protocol):
    """What is done with a message; called from several threads."""

    def __call__(self, raw: bytes, sender: Sender) -> FrameResult:
        """Take what stood in one frame and return its answers, and whose it was.

        What a positive answer promises is committed when this returns. An error of our tree is answered for
        it, Unavailable as AR; any other is ours, answered AR without its cause.
        """


class MllpServer:
    """Listens on one address until told to stop."""

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        who: Who,
        *,
        limits: MllpLimits | None = None,
        tls: Tls | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """Take where to listen (port 0: any free one), what to do with messages, and how much of it.

        `who` tells who is registered by an address or certificate, `proxies` which load balancers are
        believed when they say whose connections they pass on.
        """
        self.port = port
        self.listening = threading.Event()
        """Set once connections are taken; `port` is then the one taken."""
        self._host = host
        self._handler = handler
        self._limits = limits or MllpLimits()
        self._context = tls.context() if tls else None
        self._proxies = proxies or Proxies()
        self._admission = Admission(self._limits, who)
        self._open: dict[asyncio.Task[None], Visit] = {}
        self._room = asyncio.Semaphore(self._limits.large_messages)
        share = max(1, self._limits.large_messages // 2)
        self._rooms: dict[frozenset[str], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(share))
        self._pool = ThreadPoolExecutor(self._limits.workers, "mllp")

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then finish what is in hand.

        Raises:
            Misconfigured: the address cannot be listened on.
        """
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        listeners = self._listen()
        self.port = listeners[0].getsockname()[1]
        ends = [asyncio.create_task(_set(stop)), *(asyncio.create_task(self._take(at)) for at in listeners)]
        self.listening.set()
        log.info("mllp_listening", port=self.port, tls=self._context is not None)
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            for listener in listeners:
                listener.close()
            await self._finish()
        for task in done:
            task.result()
        log.info("mllp_stopped")

    def _listen(self) -> list[socket.socket]:
        """Listen on each address that the host has."""
        listeners: list[socket.socket] = []
        try:
            addresses = socket.getaddrinfo(
                self._host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, address in dict.fromkeys((info[0], info[4][:2]) for info in addresses):
                listeners.append(socket.create_server(address, family=family, backlog=BACKLOG))
                listeners[-1].setblocking(False)
        except OSError as exc:
            where = f"{self._host}:{self.port}"
            raise Misconfigured("Cannot listen here; choose another address or port.", where=where) from exc
        return listeners

    async def _take(self, listener: socket.socket) -> None:
        """Take connections for ever, each to a task of its own."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as exc:
                # no more open files, say, or a peer that is gone already
                log.warning("mllp_accept_failed", kind=type(exc).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = loop.create_task(self._visited(connection))
            self._open[task] = Visit(task, loop.time())

    async def _finish(self) -> None:
        """Let messages in hand be answered; whoever is not at one is hung up on."""
        await asyncio.sleep(0)  # a task that has not begun would end without closing anything
        for task, visit in self._open.items():
            talk = visit.conversation
            if talk is not None:
                talk.stopping = True
            if talk is None or not talk.busy:
                task.cancel()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=self._limits.stop_seconds)
            for task in late:
                task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _visited(self, connection: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None, "each connection is served in a task"
        visit = self._open[task]
        CONNECTIONS.inc()
        try:
            ENDED.labels(await self._served(connection, visit)).inc()
        except asyncio.CancelledError:
            ENDED.labels("limit" if visit.leaving else "stop").inc()
            if visit.conversation is not None and not visit.leaving:
                await visit.conversation.hang_up()
        except Exception as exc:  # noqa: BLE001 - one connection is no reason to end the others
            ENDED.labels("failed").inc()
            log.error("mllp_connection_failed", kind=type(exc).__name__)  # noqa: TRY400 - as below
        finally:
            self._admission.leave(visit)
            if visit.conversation is not None:
                GARBAGE_BYTES.inc(visit.conversation.framer.garbage)
                visit.conversation.abort()
            CONNECTIONS.dec()
            del self._open[task]

    async def _served(self, connection: socket.socket, visit: Visit) -> str:
        """Converse on a connection that is let in, and tell what ended it."""
        connection.setblocking(False)
        with ExitStack() as unopened:
            unopened.callback(connection.close)
            try:
                sender = Sender(await self._proxies.origin(connection))
            except (Malformed, OSError):
                log.warning("mllp_proxy_header_missing")
                return "proxy"
            if not self._admission.admits(visit, sender):
                return "limit"
            unopened.pop_all()  # from here on its transport closes it
        try:
            reader, writer = await self._opened(connection)
        except OSError:
            return "handshake"
        sender = replace(sender, names=names(writer.get_extra_info("peercert")))
        if not self._admission.admits(visit, sender):
            writer.transport.abort()
            return "limit"
        limits, rooms = self._limits, (self._rooms[visit.partners], self._room)
        if not visit.partners:
            limits = replace(limits, message_bytes=min(LARGE, limits.message_bytes))
        work = partial(self._work, visit)
        visit.conversation = Conversation(reader, writer, sender, limits, work, rooms)
        return await visit.conversation.run()

    async def _opened(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Make streams of a connection, within TLS where that is wanted."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=CHUNK, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._context else None,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _work(self, visit: Visit, raw: bytes, sender: Sender) -> FrameResult:
        telemetry.begin()
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        handled = await loop.run_in_executor(self._pool, context.run, self._handle, raw, sender)
        if handled.partner is not None:
            self._admission.prove(visit, handled.partner)
        return handled

    def _handle(self, raw: bytes, sender: Sender) -> FrameResult:
        try:
            handled = self._handler(raw, sender)
        except CasebridgeError as error:
            MESSAGES.labels("refused").inc()
            log.warning("mllp_message_refused", kind=type(error).__name__)
            return _refusal_of(raw, error)
        except Exception as exc:  # noqa: BLE001 - a sender that gets no answer stalls its feed
            MESSAGES.labels("failed").inc()
            log.error("mllp_handler_failed", kind=type(exc).__name__)  # noqa: TRY400 - a trace could quote values
            what = f"An error of ours, not of the message; ask us for {telemetry.correlation.get()}."
            return _refusal_of(raw, CasebridgeError(what))
        MESSAGES.labels("answered" if handled.answers else "silent").inc()
        return handled


def _refusal_of(raw: bytes, error: CasebridgeError) -> FrameResult:
    reply = refusal(raw, error)
    return FrameResult(() if reply is None else (reply,))


async def _set(event: threading.Event) -> None:
    """Wait until an event of threads is set."""
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()

    def wait() -> None:
        event.wait()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(reached.set)

    threading.Thread(target=wait, name="mllp-stop", daemon=True).start()
    await reached.wait()
