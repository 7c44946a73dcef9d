"""Threads in which a WSGI application answers requests that are there in whole.

https://peps.python.org/pep-3333/
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

log = structlog.get_logger()
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class WsgiAnswer:
    """What an application answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(slots=True)
class _Job:
    environ: Environ
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[WsgiAnswer | None]
    claim: threading.Lock = field(default_factory=threading.Lock)
    """Held by who decides what becomes of it: a thread, or the end of patience."""


class ThreadPool:
    """A queue of requests, and the threads that answer them: as many as it takes, up to a number."""

    def __init__(self, application: Application, threads: int) -> None:
        """Take what answers, and in how many threads at most."""
        self._application = application
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._to_start = threads
        self._idle = threading.Semaphore(0)

    async def answer(self, environ: Environ, patience: float) -> WsgiAnswer | None:
        """Have a request answered; None when no thread came to it for so many seconds."""
        loop = asyncio.get_running_loop()
        job = _Job(environ, loop, loop.create_future())
        self._jobs.put(job)
        if self._to_start and not self._idle.acquire(blocking=False):
            self._to_start -= 1
            threading.Thread(target=self._work, name="answer", daemon=True).start()
        timer = loop.call_later(patience, _give_up, job)
        try:
            return await job.answer
        finally:
            timer.cancel()

    def _work(self) -> None:
        while True:
            job = self._next()
            if not job.claim.acquire(blocking=False):
                continue
            try:
                answer = _run_application(self._application, job.environ)
            except Exception as exc:  # noqa: BLE001 - the thread answers others after this one
                log.error("request.failed", kind=type(exc).__name__)  # noqa: TRY400 - a trace could quote values
                answer = WsgiAnswer(500, [], b"")
            with suppress(RuntimeError):  # the loop has ended
                job.loop.call_soon_threadsafe(_settle, job, answer)

    def _next(self) -> _Job:
        if self._to_start:
            with suppress(queue.Empty):
                return self._jobs.get_nowait()
            self._idle.release()
        return self._jobs.get()


def _give_up(job: _Job) -> None:
    if job.claim.acquire(blocking=False):
        job.answer.set_result(None)


def _settle(job: _Job, answer: WsgiAnswer) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)


def _run_application(application: Application, environ: Environ) -> WsgiAnswer:
    head: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
        head[:] = status, headers

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = head
    header_bytes = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return WsgiAnswer(int(status[:3]), header_bytes, body)
