"""casebridge demo: River's story over HTTP, told step by step; exits 1 when a step is not as told."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import requests

from service.errors import CasebridgeError, Unavailable

PARTNERS = """partners:
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: southern, kind: insurer, identifiers: [{system: "urn:example:payers", value: southern}]}
  - {name: engineer, kind: engineer}
"""
Tell = Callable[[str], None]


class NotAsTold(CasebridgeError):
    """A step of the story did not go as told."""


class House:
    """The service, as its partners reach it."""

    def __init__(self, url: str) -> None:
        """Take the address."""
        self.url = url

    def ask(self, method: str, path: str, *, partner: str = "local", want: int = 200, **more: Any) -> Any:
        """Send a request and return the answer; raises NotAsTold on another status than `want`."""
        headers = {"Casebridge-Partner": partner, **more.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=30, **more)
        if answer.status_code != want:
            raise NotAsTold(f"{method} {path} answered {answer.status_code}, not {want}: {answer.text[:300]}")
        return answer

    def one(self, type_: str, partner: str = "northern") -> Any:
        """Return the one resource of a type that a partner finds."""
        found = self.ask("GET", f"/fhir/{type_}", partner=partner).json()
        expect(found["total"] == 1, f"one {type_}, not {found['total']}")
        return found["entry"][0]["resource"]

    def told(self, after: int) -> tuple[list[str], int]:
        """Return the types of messages after a position, and the last position."""
        answer = self.ask("GET", f"/events?after={after}&count=1000", partner="engineer")
        types = [each["type"].split(".", 2)[2].removesuffix(".v1") for each in answer.json()]
        return types, int(answer.headers["Casebridge-Position"])


def expect(holds: bool, what: str) -> None:
    """Raise NotAsTold unless it holds."""
    if not holds:
        raise NotAsTold(f"Not as told: {what}")


def document(name: str) -> Any:
    """Return one of River's documents."""
    return json.loads((files("service.cli") / "river" / f"{name}.json").read_text(encoding="utf-8"))


def load(house: House) -> None:
    """Put River's documents."""
    for path, name in (
        ("/api/directory/organization/northern", "insurer"),
        ("/api/directory/practitioner/nurse", "nurse"),
        ("/api/clients/river", "client"),
        ("/api/cases/c1", "case"),
    ):
        house.ask("PUT", path, json=document(name), want=201)


def play(house: House, tell: Tell) -> None:
    """Play steps 3 to 8 of the story."""
    load(house)
    tell(
        "3. The case system puts River's client and case: care model clinical, a case manager, five services."
    )
    case = document("case")
    episode, team, plan = (house.one(type_) for type_ in ("EpisodeOfCare", "CareTeam", "CarePlan"))
    for each in (episode, team, plan):
        name, version = f"{each['resourceType']}/{each['id']}", each["meta"]["versionId"]
        tell(f"4. {name} is {each['status']}, version {version}.")
    expect(episode["status"] == "active", "the episode is active")
    _resolves(house, plan)
    nothing = house.ask("GET", "/fhir/CarePlan", partner="southern").json()
    expect(nothing["total"] == 0, "another insurer sees nothing")
    house.ask("GET", f"/fhir/CarePlan/{plan['id']}", partner="southern", want=404)
    tell("5. The insurer northern pulls the plan with its team and goals; southern sees nothing.")
    types, position = _wait(house, 0, "careplan.created")
    mine = [each for each in types if each.split(".")[0] in {"case", "episodeofcare", "careteam", "careplan"}]
    order = ["case.opened", "episodeofcare.created", "careteam.created", "careplan.created"]
    expect(mine == order, f"messages in order {order}, not {mine}")
    tell(f"6. Engineers read {len(types)} messages, in order: {', '.join(mine)}, …")
    case["plan"]["goals"][0]["progress"] = [{"date": "2026-04-01", "achievement": "improving"}]
    case["plan"]["services"][0]["status"] = "completed"
    case["plan"]["title"] = "Back on the bicycle, second leg"
    house.ask("PUT", "/api/cases/c1", json=case, headers={"If-Match": 'W/"1"'})
    house.ask("GET", f"/fhir/CarePlan/{plan['id']}", partner="northern", headers={"If-None-Match": 'W/"1"'})
    house.ask("GET", f"/fhir/CarePlan/{plan['id']}", headers={"If-None-Match": 'W/"2"'}, want=304)
    types, position = _wait(house, position, "servicerequest.updated")
    expect(
        types == ["case.updated", "careplan.updated", "goal.updated", "servicerequest.updated"], str(types)
    )
    tell(f"7. Progress is recorded, a service completed, the plan revised: {', '.join(types)}.")
    case.update(status="finished", closure={"reason": "goals-met", "date": "2026-06-01"})
    case["plan"]["status"] = "completed"
    house.ask("PUT", "/api/cases/c1", json=case, headers={"If-Match": 'W/"2"'})
    ended, done = house.one("EpisodeOfCare"), house.one("CarePlan")
    expect((ended["status"], done["status"]) == ("finished", "completed"), "episode finished, plan completed")
    types, _ = _wait(house, position, "careplan.updated")
    expect(types[0] == "case.closed", "the case is closed")
    tell(f"8. River is well: CarePlan/{done['id']} completed, EpisodeOfCare/{ended['id']} finished.")


def _resolves(house: House, resource: Any) -> None:
    """Follow every reference of a resource, as the insurer."""
    wanted, seen = [resource], 0
    while wanted:
        node = wanted.pop()
        if isinstance(node, dict):
            if isinstance(node.get("reference"), str):
                house.ask("GET", f"/fhir/{node['reference']}", partner="northern")
                seen += 1
            wanted += node.values()
        elif isinstance(node, list):
            wanted += node
    expect(seen > 5, "the plan refers to its team, goals and services")


def _wait(house: House, after: int, last: str) -> tuple[list[str], int]:
    """Wait until a message of a type is in the feed."""
    for _ in range(100):
        types, position = house.told(after)
        if last in types:
            return types, position
        time.sleep(0.1)
    raise NotAsTold(f"no {last} in the feed after ten seconds")


def load_when_up(url: str) -> None:
    """Load River into a server that is starting, and say what to try."""
    house = House(url)
    wait_until_up(house)
    if requests.get(f"{url}/api/cases/c1", timeout=10).status_code == 404:
        load(house)
    click.echo(
        f"River is loaded. Try:\n  curl {url}/fhir/CarePlan\n  curl {url}/api/cases/c1\n  curl {url}/events"
    )


def wait_until_up(house: House) -> None:
    """Wait for readiness; raises Unavailable after 30 seconds."""
    for _ in range(300):
        try:
            if requests.get(f"{house.url}/health/ready", timeout=2).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise Unavailable("The server did not come up in 30 seconds.")


@click.command()
def demo() -> None:
    """Play River's story against a server of its own, on the embedded default.

    \b
    Example:
      casebridge demo
    """  # noqa: D301  click reads \b
    with tempfile.TemporaryDirectory() as folder:
        partners = Path(folder) / "partners.yaml"
        partners.write_text(PARTNERS, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        mine = {
            "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/demo.db",
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_PORT": port,
            "CASEBRIDGE_PARTNERS": str(partners),
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CASEBRIDGE_")}
        with (Path(folder) / "server.log").open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "service", "serve"], env={**inherited, **mine}, stdout=log, stderr=log
            )
        try:
            house = House(f"http://127.0.0.1:{port}")
            wait_until_up(house)
            play(house, click.echo)
        finally:
            server.terminate()
            server.wait(20)
    click.echo("The story went as told.")
