"""Hospitals' systems that send discharges, each until it is positively answered, over FHIR and over MLLP."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Literal

import requests

from service.receive.mllp.framing import frame_of
from tests.web.sent import FHIR, a03, message

SECONDS = 15.0
PAUSE = 0.1


@dataclass(frozen=True)
class Discharge:
    """One discharge as it is sent, over and over."""

    visit: str
    raw: bytes


@dataclass(frozen=True)
class Said:
    """An answer: whether it is positive, what it says in a word, and all of it."""

    positive: bool
    word: str
    raw: bytes


def discharge(way: Literal["fhir", "mllp"], sender: int, number: int) -> Discharge:
    """Return the discharge `number` of a sender.

    Both ways tell of the same persons, each of two stays in a row, and of every fourth stay both tell; of
    every fifth nobody can say whose it is.
    """
    visit = f"V-{sender}-{'both' if number % 4 == 0 else way}-{number}"
    person = f"P-{sender}-{number // 2}"
    named = f"{way}-{sender}-{number}"
    raw = a03(named, person=person, visit=visit) if way == "mllp" else _message(named, person, visit)
    if number % 5 == 3:
        raw = raw.replace(b"urn:example:persons", b"urn:example:bracelets")
    return Discharge(visit, raw)


def _message(named: str, person: str, visit: str) -> bytes:
    text = json.dumps(message(named))
    return text.replace('"R-1"', f'"{person}"').replace('"V-1"', f'"{visit}"').encode()


class Sender:
    """Sends one distinct discharge after the other until told to stop; each until it is answered for good."""

    way: Literal["fhir", "mllp"]

    def __init__(self, number: int) -> None:
        self._number = number
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered: list[tuple[Discharge, Said]] = []
        self.words: dict[str, int] = {}
        self.start, self.join = self._thread.start, self._thread.join

    def stop(self) -> None:
        """Let it end, with the discharge in hand answered."""
        self._stop.set()

    def close(self) -> None:
        """Hang up."""
        raise NotImplementedError

    def send(self, discharge: Discharge) -> Said:
        """Send until it is positively answered."""
        while True:
            said = self._ask(discharge)
            word = said.word if said is not None else "none"
            self.words[word] = self.words.get(word, 0) + 1
            if said is not None and said.positive:
                return said
            time.sleep(PAUSE)

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            sent = discharge(self.way, self._number, number)
            self.answered.append((sent, self.send(sent)))
            number += 1

    def _ask(self, discharge: Discharge) -> Said | None:
        """Send once; None when no answer came."""
        raise NotImplementedError


class OverFhir(Sender):
    """Posts message Bundles."""

    way = "fhir"

    def __init__(self, number: int, url: str) -> None:
        super().__init__(number)
        self._url = f"{url}/fhir/$process-message"
        self._session = requests.Session()
        self._session.headers.update({"Content-Type": FHIR, "Casebridge-Partner": "mercy"})

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _ask(self, discharge: Discharge) -> Said | None:
        try:
            answer = self._session.post(self._url, data=discharge.raw, timeout=SECONDS)
        except requests.RequestException:
            return None
        return Said(answer.status_code in {200, 202}, str(answer.status_code), answer.content)


class CutOff(threading.Thread):
    """Sends discharges whose bodies end before what was announced, one after the other until told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._where = url.removeprefix("http://")
        self._stop_it = threading.Event()
        self.sent = 0

    def stop(self) -> None:
        """Let it end."""
        self._stop_it.set()

    def run(self) -> None:
        """Send; what is answered, and whether, is not looked at: nothing of it may be kept."""
        host, _, port = self._where.partition(":")
        while not self._stop_it.wait(PAUSE):
            raw = discharge("fhir", 9, self.sent).raw
            cut = raw[: -1 - self.sent % (len(raw) // 2)]
            head = (
                f"POST /fhir/$process-message HTTP/1.1\r\nHost: {self._where}\r\nContent-Type: {FHIR}\r\n"
                f"Casebridge-Partner: mercy\r\nContent-Length: {len(raw)}\r\n\r\n"
            )
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), SECONDS) as line:
                line.sendall(head.encode() + cut)
                self.sent += 1


class OverMllp(Sender):
    """Keeps a connection, and makes another when it is cut off."""

    way = "mllp"

    def __init__(self, number: int, port: int) -> None:
        super().__init__(number)
        self._address = ("127.0.0.1", port)
        self._connection: socket.socket | None = None

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, discharge: Discharge) -> Said | None:
        try:
            if self._connection is None:
                self._connection = socket.create_connection(self._address, SECONDS)
            self._connection.sendall(frame_of(discharge.raw))
            raw = self._frame(self._connection)
        except OSError:
            raw = None
        if raw is None:
            self.close()
            return None
        word, control_id = raw.partition(b"\rMSA|")[2].split(b"\r")[0].decode().split("|")[:2]
        assert control_id == discharge.raw.split(b"|", 10)[9].decode(), "the answer is another message's"
        return Said(word == "AA", word, raw)

    def _frame(self, connection: socket.socket) -> bytes | None:
        received = b""
        while not received.endswith(b"\x1c\r"):
            data = connection.recv(65_536)
            if not data:
                return None
            received += data
        return received
