"""Reads and pulls with SMART, an insurer's scope and the audit on, against the same service without; tokens.

Both answer the same bytes from the same PostgreSQL, by a process each. No side limits how often it is asked.
"""

import base64
import contextlib
import json
import os
import tempfile
import threading
from pathlib import Path

import psycopg
import requests
from sqlalchemy import make_url

from service.cli.access import smart_client
from service.settings import Settings
from service.wiring.access import registering
from tests.performance import house, processor
from tests.performance.lines import Entry, at_least, at_most, median, ratios, rounds, spread
from tests.performance.read import Asked, paths_of, same
from tests.server_process import free_port

NAME = "keyed"
ENTRY = {
    "name": NAME,
    "kind": "insurer",
    "identifiers": [{"system": "urn:example:payers", "value": "northern"}],
}
UNLIMITED = {"PARTNER_RATE": "0", "PARTNER_REQUESTS": "0", "ADDRESS_RATE": "0"}
SENDERS = 4
BUDGETS = {"read": 1.6, "pull": 1.5}


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure the lines."""
    count, number, seconds, tokens = (40, 3, 1, 60) if quick else (600, 9, 3, 500)
    with house.database(servers, count) as url, tempfile.TemporaryDirectory() as folder:
        port, open_port = free_port(), free_port()
        secret = Path(folder) / "secret"
        secret.write_bytes(base64.b64encode(os.urandom(32)))
        secret.chmod(0o600)
        base = f"http://127.0.0.1:{port}"
        named = UNLIMITED | {"AUTH": "smart", "SECRET_FILE": str(secret), "BASE_URL": base}
        smart = house.environment(url, Path(folder), **named)
        added = registering.add_partner(Settings.from_env(smart), ENTRY, Path(folder))
        jwk = json.loads(Path(added.key).read_text(encoding="utf-8"))
        words = ("service", "serve", "--workers", "1", "--port", str(port))
        open_words = ("tests.performance.open_door", str(open_port))
        with (
            house.process(smart, *words) as service,
            house.process(
                house.environment(url, Path(folder), **UNLIMITED, BASE_URL=base), *open_words
            ) as opened,
            psycopg.connect(_plain(url), autocommit=True) as connection,
        ):
            house.wait(port, "/health/ready")
            house.wait(open_port, "/health/ready")
            connection.execute("VACUUM ANALYZE")
            token = smart_client.token(base, NAME, jwk)["access_token"]
            shown = {"Authorization": f"Bearer {token}"}
            entries = []
            postgres = servers.postgres.pid
            for name, paths in zip(BUDGETS, paths_of(connection), strict=True):
                same(port, shown, open_port, paths)
                sides = (
                    Asked(port, paths, seconds, (service.pid, postgres), shown),
                    Asked(open_port, paths, seconds, (opened.pid, postgres), {}),
                )
                entries.append(_line(name, *sides, number))
            pids = (service.pid, postgres)
            return [*entries, _tokens(base, jwk, pids, number, tokens)]


def _line(name: str, secured: Asked, opened: Asked, number: int) -> Entry:
    """How many times as long an answer takes, round by round."""
    rates = rounds(f"secured_{name}.vs_open", number, secured.round, opened.round)
    shares = ratios(rates[1], rates[0])
    ms = [spread(side.milliseconds[1:]) for side in (opened, secured)]
    detail = (
        f"{spread(shares)}; to the operator, unrecorded, {spread(rates[1])} answers/s of {ms[0]} ms of CPU, "
        f"to an insurer with a token {spread(rates[0])} of {ms[1]} ms; "
        f"{number} rounds of {secured.seconds} s, 8 connections"
    )
    return at_most(f"secured_{name}.vs_open", median(shares), "ratio", BUDGETS[name], detail)


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _tokens(base: str, jwk: dict[str, str], pids: tuple[int, ...], number: int, count: int) -> Entry:
    """How many tokens a second of processor time gives, of the service's processes and the database's."""
    endpoint = requests.get(f"{base}/fhir/.well-known/smart-configuration", timeout=30).json()[
        "token_endpoint"
    ]

    def rate() -> float:
        forms = [smart_client.form(NAME, jwk, endpoint) for _ in range(count)]
        before = processor.seconds(*pids)
        threads = [
            threading.Thread(target=_get, args=(endpoint, forms[first::SENDERS])) for first in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count / (processor.seconds(*pids) - before)

    (rates,) = rounds("token.rate", number, rate)
    detail = f"{spread(rates)} a core, service and database; {number} rounds of {count}, assertions by ES384"
    return at_least("token.rate", median(rates), "tokens/s", 0, detail)


def _get(endpoint: str, forms: list[dict[str, str]]) -> None:
    with contextlib.closing(requests.Session()) as session:
        for form in forms:
            assert session.post(endpoint, data=form, timeout=30).status_code == 200
