"""River's story over HTTP: each step says what its party saw, and fails when it is not as told."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import requests

from service.errors import CasebridgeError, Unavailable

# types of messages, without prefix and version, that came after the last ones asked for
Messages = Callable[[str], list[str]]
DOCUMENTS = (
    ("/api/directory/organization/northern", "insurer"),
    ("/api/directory/practitioner/nurse", "nurse"),
    ("/api/clients/river", "client"),
    ("/api/cases/c1", "case"),
)
FHIR = "application/fhir+json"
ER7 = "x-application/hl7-v2+er7"
OPENED = ["case.opened", "episodeofcare.created", "careteam.created", "careplan.created"]
REVISED = ["case.updated", "careplan.updated", "goal.updated", "servicerequest.updated"]


class NotAsTold(CasebridgeError):
    """A step of the story did not go as told."""

    title = "Not as told"


def by_name(_url: str, partner: str) -> Mapping[str, str]:
    """Return the header by which a partner is known where no tokens are used."""
    return {"Casebridge-Partner": partner}


@dataclass(frozen=True, slots=True)
class House:
    """The service, as its partners reach it at `url`; `headers` tell it who asks."""

    url: str
    headers: Callable[[str, str], Mapping[str, str]] = by_name

    def ask(self, method: str, path: str, *, partner: str = "local", want: int = 200, **extra: Any) -> Any:
        """Send a request and return the answer; raises NotAsTold on another status than `want`."""
        headers = {**self.headers(self.url, partner), **extra.pop("headers", {})}
        answer = requests.request(method, self.url + path, headers=headers, timeout=30, **extra)
        if answer.status_code != want:
            raise NotAsTold(f"{method} {path} answered {answer.status_code}, not {want}: {answer.text[:300]}")
        return answer

    def one(self, type_: str, partner: str = "northern") -> Any:
        """Return the one resource of a type that a partner finds."""
        bundle = self.ask("GET", f"/fhir/{type_}", partner=partner).json()
        expect(bundle["total"] == 1, f"there is one {type_}, not {bundle['total']}")
        return bundle["entry"][0]["resource"]


class Feed:
    """Messages as who has no broker reads them: GET /events, after the last position seen."""

    def __init__(self, house: House) -> None:
        """Take the service; start at the beginning of its feed."""
        self._house = house
        self._position = 0

    def __call__(self, last: str) -> list[str]:
        """Return the types that came since, once one of type `last` is among them."""
        for _ in range(100):
            path = f"/events?after={self._position}&_count=1000"
            answer = self._house.ask("GET", path, partner="engineer")
            types = [kind(message) for message in answer.json()]
            if last in types:
                self._position = int(answer.headers["Casebridge-Position"])
                return types
            time.sleep(0.1)
        raise NotAsTold(f"no {last} in the feed after ten seconds")


def kind(message: dict[str, Any]) -> str:
    """Return what a message tells, e.g. `careplan.updated`."""
    return str(message["type"].removeprefix("org.casebridge.").removesuffix(".v1"))


def expect(holds: bool, what: str) -> None:
    """Raise NotAsTold unless it holds."""
    if not holds:
        raise NotAsTold(f"it should be so that {what}")


def document(name: str) -> Any:
    """Return one of River's documents."""
    return json.loads((files("service.cli.demo") / "river" / f"{name}.json").read_text(encoding="utf-8"))


def load(house: House, stored: tuple[str, ...] = ()) -> None:
    """Put River's documents; those of these names are known already."""
    for path, name in DOCUMENTS:
        house.ask("PUT", path, json=document(name), want=200 if name in stored else 201)


def play(house: House, messages: Messages) -> Iterator[str]:
    """Play the story; give each thing that was seen as a line to tell."""
    yield from _push_discharge(house)
    yield from _find_opened_case(house)
    yield from _taken_over(house)
    yield from _check_projection(house)
    yield from _match_member(house)
    yield from _pull_plan(house)
    yield from _export_group(house)
    yield from _check_messages(messages)
    yield from _revise_plan(house, messages)
    yield from _close_case(house, messages)


def _push_discharge(house: House) -> Iterator[str]:
    sent = document("discharge")
    answer = house.ask("POST", "/fhir/$process-message", partner="general", **_as(FHIR, sent)).json()
    response = answer["entry"][0]["resource"]["response"]
    expect(response["code"] == "ok", f"the message is answered ok, not {response['code']}")
    text = (files("service.cli.demo") / "river" / "discharge.hl7").read_bytes().replace(b"\n", b"\r")
    acknowledged = house.ask("POST", "/hl7v2", partner="general", **_as(ER7, text)).text
    expect("\rMSA|AA|RIVER-1" in acknowledged, "the A03 is acknowledged with AA")
    yield "1. The hospital, general, discharges River, and says so twice."
    yield f"   As a FHIR message: answered {response['code']}. As HL7 v2 ADT^A03: answered AA."


def _find_opened_case(house: House) -> Iterator[str]:
    cases = house.ask("GET", "/api/cases?identifier=urn:example:clients|R-1").json()["items"]
    expect(len(cases) == 1, f"one case comes of both, not {len(cases)}")
    case = cases[0]["document"]
    expect(case["status"] == "planned", f"the case is planned, not {case['status']}")
    received = case["received"]
    proposed = [service["kind"] for service in received["plan"]["services"]]
    yield "2. Casebridge opens one case, planned, with what the hospital said."
    yield f"   {len(received['stays'])} stay, {len(received['conditions'])} diagnoses."
    yield f"   Proposed: {', '.join(proposed)}."


def _as(kind_: str, body: Any) -> dict[str, Any]:
    """Return a request's body of a media type."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"data": raw, "headers": {"Content-Type": kind_}}


def _taken_over(house: House) -> Iterator[str]:
    load(house, ("client", "case"))
    case = document("case")
    plan = case["plan"]
    yield "3. The case system takes River's case over."
    yield f"   Care model {case['care_model']}; a registered nurse (CCM) manages the case."
    yield f"   Services: {', '.join(service['kind'] for service in plan['services'])}."
    yield f"   Goals: {'; '.join(goal['description'] for goal in plan['goals'])}."
    yield f"   Appointments: {len(plan['appointments'])}. Check-ins by phone: {len(plan['check_ins'])}."


def _check_projection(house: House) -> Iterator[str]:
    yield "4. Casebridge projects it to FHIR."
    for type_ in ("EpisodeOfCare", "CareTeam", "CarePlan"):
        yield f"   {_name_of(house.one(type_, 'local'))}"
    expect(house.one("EpisodeOfCare", "local")["status"] == "active", "the episode is active")
    followed = _resolve(house, house.one("CarePlan"))
    expect(followed > 5, "the plan refers to its team, goals and services")
    yield f"   {followed} references in the plan, and each resolves."


def _match_member(house: House) -> Iterator[str]:
    asked, path = _as(FHIR, document("member-match")), "/fhir/Patient/$member-match"
    told = house.ask("POST", path, partner="northern", **asked).json()["parameter"]
    river = house.one("Patient")["id"]
    expect(told[1]["valueReference"]["reference"] == f"Patient/{river}", "the card's member is River")
    yield "5. River's insurer, northern, finds River by the card of a member, and pulls the plan."
    yield f"   The member is Patient/{river}."
    house.ask("POST", path, partner="southern", want=422, **asked)
    yield "   The insurer southern is answered 422, as for who is nobody's member."


def _pull_plan(house: House) -> Iterator[str]:
    path = f"/fhir/CarePlan?patient={house.one('Patient')['id']}&status=active"
    path += "&_include=CarePlan:care-team&_include=CarePlan:goal"
    entries = house.ask("GET", path, partner="northern").json()["entry"]
    (plan,), (team,), goals = (
        [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == type_]
        for type_ in ("CarePlan", "CareTeam", "Goal")
    )
    yield f"   {_name_of(plan)}: {plan['title']}, in one request with its team and goals."
    yield f"   {_name_of(team)}: {len(team['participant'])} members"
    yield from (f"   {_name_of(goal)}: {goal['description']['text']}" for goal in goals)
    danish = house.ask(
        "GET", f"/fhir/CarePlan/{plan['id']}", partner="northern", headers={"Accept-Language": "da"}
    )
    expect(danish.headers["Content-Language"] == "da", "the plan can be had in Danish")
    yield f"   In Danish: {danish.json()['category'][0]['coding'][0]['display']}."
    nothing = house.ask("GET", "/fhir/CarePlan", partner="southern").json()
    expect(nothing["total"] == 0, "another insurer sees nothing")
    house.ask("GET", f"/fhir/CarePlan/{plan['id']}", partner="southern", want=404)
    yield "   The insurer southern finds 0 plans, and 404 at this one's address."


def _export_group(house: House) -> Iterator[str]:
    (group,) = house.ask("GET", "/fhir/Group", partner="northern").json()["entry"]
    path = f"/fhir/Group/{group['resource']['id']}/$export"
    begun = house.ask("GET", path, partner="northern", want=202, headers={"Prefer": "respond-async"})
    files = _finished_export(house, _path_of(begun.headers["Content-Location"]))["output"]
    bodies = [house.ask("GET", _path_of(each["url"]), partner="northern").content for each in files]
    lines = [json.loads(line) for body in bodies for line in body.splitlines()]
    expect({"Patient", "CarePlan"} <= {line["resourceType"] for line in lines}, "the Group has River's plan")
    yield f"   It exports its Group: {len(lines)} resources in {len(files)} files."


def _finished_export(house: House, path: str) -> Any:
    for _ in range(100):
        answer = requests.get(house.url + path, headers=house.headers(house.url, "northern"), timeout=30)
        if answer.status_code == 200:
            return answer.json()
        time.sleep(0.1)
    raise NotAsTold("the export is not planned after ten seconds")


def _path_of(address: str) -> str:
    return address[address.index("/fhir/") :]


def _check_messages(messages: Messages) -> Iterator[str]:
    types = messages("careplan.created")
    mine = [message_type for message_type in types if message_type in OPENED]
    expect(mine == OPENED, f"messages come in the order {OPENED}, not {mine}")
    yield f"6. Engineers receive {len(types)} messages in order, once each, among them:"
    yield f"   {', '.join(mine)}."


def _revise_plan(house: House, messages: Messages) -> Iterator[str]:
    case = document("case")
    case["plan"]["goals"][0]["progress"] = [{"date": "2026-04-01", "achievement": "improving"}]
    case["plan"]["services"][0]["status"] = "completed"
    case["plan"]["title"] = "Back on the bicycle, second leg"
    house.ask("PUT", "/api/cases/c1", json=case, headers={"If-Match": _etag(house)})
    plan = house.one("CarePlan")
    path = f"/fhir/CarePlan/{plan['id']}"
    house.ask("GET", path, partner="northern", headers={"If-None-Match": 'W/"1"'})
    house.ask("GET", path, partner="northern", headers={"If-None-Match": 'W/"2"'}, want=304)
    types = messages(REVISED[-1])
    expect(types == REVISED, f"exactly the changed resources make messages: {REVISED}, not {types}")
    yield "7. Progress is recorded, physiotherapy completed, the plan revised."
    yield f"   {_name_of(plan)}: pulled with If-None-Match of version 1, and 304 with that of version 2."
    yield f"   Messages: {', '.join(types)}."


def _etag(house: House) -> str:
    return str(house.ask("GET", "/api/cases/c1").headers["ETag"])


def _close_case(house: House, messages: Messages) -> Iterator[str]:
    case = document("case")
    case["plan"].update(title="Back on the bicycle, second leg", status="completed")
    case.update(status="finished", closure={"reason": "goals-met", "date": "2026-06-01"})
    house.ask("PUT", "/api/cases/c1", json=case, headers={"If-Match": _etag(house)})
    episode, plan = house.one("EpisodeOfCare"), house.one("CarePlan")
    expect((episode["status"], plan["status"]) == ("finished", "completed"), "episode and plan have ended")
    types = messages("careplan.updated")
    expect(types[0] == "case.closed", f"the case is closed first, not {types[0]}")
    yield "8. River is well, and the case is closed."
    yield f"   {_name_of(episode)}"
    yield f"   {_name_of(plan)}"


def _name_of(resource: dict[str, Any]) -> str:
    status = resource.get("status") or resource.get("lifecycleStatus")
    version = resource["meta"]["versionId"]
    return f"{resource['resourceType']}/{resource['id']} is {status}, version {version}"


def _resolve(house: House, resource: Any) -> int:
    """Follow every reference of a resource, as the insurer; return how many there were."""
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
    return seen


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
