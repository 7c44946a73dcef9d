"""The door for HL7 v2 over MLLP: a server of framed messages, each answered on its connection, in order.

Sockets are waited for without a thread each; what is done with a message runs in one of a bounded number of
threads, and its connection is not read while it does.
"""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol

import structlog
from prometheus_client import Counter, Gauge

from service import telemetry
from service.errors import CasebridgeError, Misconfigured
from service.receive.certificates import Tls
from service.receive.conversation import CHUNK, Conversation, Limits, refusal
from service.values.senders import Sender

HANDSHAKE_SECONDS: Final = 10.0

MESSAGES = Counter("casebridge_mllp_messages", "Frames received, by what became of them", ["outcome"])
CONNECTIONS = Gauge("casebridge_mllp_connections", "Connections open now")
ENDED = Counter("casebridge_mllp_connections_ended", "Connections ended, by who or what ended them", ["by"])
GARBAGE_BYTES = Counter("casebridge_mllp_garbage_bytes", "Bytes received outside of frames")

log = structlog.get_logger()


class Handler(Protocol):
    """What is done with a message; called from several threads."""

    def __call__(self, raw: bytes, sender: Sender) -> tuple[bytes, ...]:
        """Take what stood in one frame and return its answers, none when the sender wants none.

        What a positive answer promises is committed when this returns. An error of our tree is answered for
        it, Unavailable as AR; any other is ours, answered AR without its cause.
        """


class MllpServer:
    """Listens on one address until told to stop."""

    def __init__(
        self, host: str, port: int, handler: Handler, limits: Limits | None = None, tls: Tls | None = None
    ) -> None:
        """Take where to listen (port 0: any free one), what to do with messages, and how much of it."""
        self.port = port
        self.listening = threading.Event()
        """Set once connections are taken; `port` is then the one taken."""
        self._host = host
        self._handler = handler
        self._limits = limits or Limits()
        self._tls = tls
        self._open: dict[asyncio.Task[None], Conversation] = {}
        self._room = asyncio.Semaphore(self._limits.large_messages)
        self._pool = ThreadPoolExecutor(self._limits.workers, "mllp")

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then finish what is in hand.

        Raises:
            Misconfigured: the address cannot be listened on, or the TLS files cannot be read.
        """
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        server = await self._listen()
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        log.info("mllp_listening", port=self.port, tls=self._tls is not None)
        await _set(stop)
        server.close()
        # connections taken just now come to their tasks
        await asyncio.sleep(0.01)
        await self._finish()
        log.info("mllp_stopped")

    async def _listen(self) -> asyncio.Server:
        context = self._tls.context() if self._tls else None
        seconds = HANDSHAKE_SECONDS if context else None
        try:
            return await asyncio.start_server(
                self._accept, self._host, self.port, limit=CHUNK, ssl=context, ssl_handshake_timeout=seconds
            )
        except OSError as exc:
            where = f"{self._host}:{self.port}"
            raise Misconfigured("Cannot listen here; choose another address or port.", where=where) from exc

    async def _finish(self) -> None:
        """Let messages in hand be answered; whoever is not at one is hung up on."""
        for task, conversation in self._open.items():
            conversation.stopping = True
            if not conversation.busy:
                task.cancel()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=self._limits.stop_seconds)
            for task in late:
                task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self._limits.connections:
            ENDED.labels("limit").inc()
            log.warning("mllp_connection_refused", open=len(self._open))
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None, "each connection is served in a task"
        conversation = self._open[task] = Conversation(reader, writer, self._limits, self._work, self._room)
        CONNECTIONS.inc()
        try:
            ENDED.labels(await conversation.run()).inc()
        except asyncio.CancelledError:
            ENDED.labels("stop").inc()
            await conversation.hang_up()
        finally:
            CONNECTIONS.dec()
            GARBAGE_BYTES.inc(conversation.framer.garbage)
            del self._open[task]

    async def _work(self, raw: bytes, sender: Sender) -> tuple[bytes, ...]:
        telemetry.begin()
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._handled, raw, sender)

    def _handled(self, raw: bytes, sender: Sender) -> tuple[bytes, ...]:
        try:
            replies = self._handler(raw, sender)
        except CasebridgeError as error:
            MESSAGES.labels("refused").inc()
            log.warning("mllp_message_refused", kind=type(error).__name__)
            return _refused(raw, error)
        except Exception as exc:  # noqa: BLE001 - a sender that gets no answer stalls its feed
            MESSAGES.labels("failed").inc()
            log.error("mllp_handler_failed", kind=type(exc).__name__)  # noqa: TRY400 - a trace could quote values
            what = f"An error of ours, not of the message; ask us for {telemetry.correlation.get()}."
            return _refused(raw, CasebridgeError(what))
        MESSAGES.labels("answered" if replies else "silent").inc()
        return replies


def _refused(raw: bytes, error: CasebridgeError) -> tuple[bytes, ...]:
    reply = refusal(raw, error)
    return () if reply is None else (reply,)


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
