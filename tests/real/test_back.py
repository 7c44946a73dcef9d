"""What of CareTeams, CarePlans and EpisodesOfCare that others wrote can be put back into a case.

Each is put as a partner would who had read ours and wants that to say what the other says. What is refused is
named by element; that is done as the answer asks, until the rest is taken, and given back as it was sent. The
table `returned.md` beside this counts what had to be left out; `CASEBRIDGE_WRITE_OUTCOMES=1` writes it anew.
"""

import copy
import json
import os
import re
from collections import Counter, defaultdict
from hashlib import sha256
from pathlib import Path

import pytest

from service.errors import CasebridgeError
from service.settings import Settings
from service.store.sql.engine import connect
from service.values.ids import resource_id
from service.wire.json import dump, parse
from service.wiring import serving
from tests.real.real_data import folder

TABLE = Path(__file__).with_name("returned.md")
FOLDERS = ("us-core", "hl7-r4-examples", "ecareplan", "europe")
TYPES = ("CareTeam", "CarePlan", "EpisodeOfCare")
REGISTRY = "partners: [{name: cms, kind: case-system, writes: [CareTeam, CarePlan, EpisodeOfCare]}]\n"
SOME = 12
STEP = re.compile(r"([A-Za-z]+)|\[(\d+)\]")
HEAD = """# What of others' teams, plans and episodes comes back into a case

Written by `tests/real/test_back.py`, which puts each CareTeam, CarePlan and EpisodeOfCare of others in the
place of ours: about our client, with participants and requests we know. What an answer names is left out,
or left as ours was, until the rest is taken; that is then given back as it was sent. Items are participants,
progress and case managers; how else a case goes, its case system says. The files: {files}.

| folder | type | resources | not R4 | taken whole | taken in part | items | of them taken |
|---|---|---|---|---|---|---|---|
{counts}

What was named, and in how many resources:

| element | left out | left as it was |
|---|---|---|
{elements}
"""


class House:
    """A case system's house with one case."""

    def __init__(self, app):
        self.client = app.test_client()
        self.entries = {"Practitioner": [], "Organization": []}
        for number in range(SOME):
            self.entry("practitioner", {"names": [{"family": f"P{number}"}]}, number)
            self.entry("organization", {"name": f"O{number}", "kind": "other"}, number)
        people = [
            {"id": f"r{number}", "relationship": "other", "names": [{"family": f"R{number}"}]}
            for number in range(SOME)
        ]
        document = {"names": [{"family": "Example"}], "related_persons": people}
        uuid = self.ask("PUT", "/api/clients/x", document).headers["Casebridge-Id"]
        self.entries["RelatedPerson"] = [
            f"RelatedPerson/{resource_id(uuid, 'RelatedPerson', person['id'])}" for person in people
        ]

    def ask(self, method, path, document=None, **headers):
        named = {"Casebridge-Partner": "cms", "Content-Type": "application/json", **headers}
        data = dump(document) if document is not None else None
        return self.client.open(path, method=method, data=data, headers=named)

    def entry(self, kind, document, number):
        answer = self.ask("PUT", f"/api/directory/{kind}/{kind}-{number}", document)
        type_ = kind.capitalize()
        self.entries[type_].append(f"{type_}/{resource_id(answer.headers['Casebridge-Id'], type_, '')}")

    def ours(self, type_, services):
        """Our resource of a new state of the case, with so many services."""
        plan = {"title": "Plan", "status": "active", "services": services}
        case = {"client": "x", "status": "active", "identifiers": [], "plan": plan}
        headers = {"If-Match": "*"} if self.ask("GET", "/api/cases/y").status_code == 200 else {}
        assert self.ask("PUT", "/api/cases/y", case, **headers).status_code in {200, 201}
        (entry,) = self.ask("GET", f"/fhir/{type_}").json["entry"]
        return parse(self.ask("GET", f"/fhir/{type_}/{entry['resource']['id']}").data)

    def put(self, resource):
        path = f"/fhir/{resource['resourceType']}/{resource['id']}"
        return self.ask("PUT", path, resource, **{"If-Match": "*", "Content-Type": "application/fhir+json"})


@pytest.fixture
def house(tmp_path, sqlite_url, mappings):
    engine = connect(sqlite_url)
    registry = tmp_path / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    environment = {"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_PARTNERS": str(registry)}
    yield House(serving.application(Settings.from_env(environment), engine, mappings))
    engine.dispose()


def resources(node):
    """Every resource of the three types below a node, in Bundles and contained."""
    if isinstance(node, dict):
        if node.get("resourceType") in TYPES:
            yield node
        for below in node.values():
            yield from resources(below)
    elif isinstance(node, list):
        for below in node:
            yield from resources(below)


def written():
    """Each resource of others, once: its folder and what it says."""
    seen = set()
    for name in FOLDERS:
        for path in sorted(folder(name).rglob("*.json")):
            try:
                brought = list(resources(parse(path.read_bytes())))
            except CasebridgeError:
                continue
            for resource in brought:
                said = dump(
                    {key: value for key, value in resource.items() if key not in {"id", "meta", "text"}}
                )
                if said not in seen:
                    seen.add(said)
                    yield name, resource, said


def moved(other, ours, house):
    """A resource of others in the place of ours: about our client, naming whom and what we know."""
    other_ = {key: value for key, value in copy.deepcopy(other).items() if key != "meta"}
    about = "patient" if other["resourceType"] == "EpisodeOfCare" else "subject"
    other_ |= {"id": ours["id"], about: ours[about]}
    known = {type_: iter(entries) for type_, entries in house.entries.items()}
    led = {}
    people = [other_.get("careManager", {})]
    people += [participant.get("member", {}) for participant in other_.get("participant", [])]
    people += [
        note.get("authorReference", {})
        for activity in other_.get("activity", [])
        for note in activity.get("progress", [])
    ]
    for person in people:
        named = person.get("reference", "")
        type_ = named.rpartition("/")[0].rpartition("/")[2]
        if type_ in known:
            if named not in led:
                led[named] = next(known[type_], named)
            person["reference"] = led[named]
    requests = iter(activity["reference"] for activity in ours.get("activity", []))
    for activity in other_.get("activity", []):
        if "reference" in activity:
            activity["reference"] = next(requests)
    return other_


def at(resource, path):
    """The object or list that holds what a path names, and its key; None where the path leads nowhere."""
    steps = [int(number) if number else name for name, number in STEP.findall(path)][1:]
    for step in steps[:-1]:
        if isinstance(resource, list) and isinstance(step, str):
            resource = resource[0]
        try:
            resource = resource[step]
        except (KeyError, IndexError, TypeError):
            return None
    return resource, steps[-1]


def obeyed(sent, ours, issues):
    """What was sent without what an answer says has no place, and with ours where it says that it stays."""
    changed, gone = copy.deepcopy(sent), set()
    for issue in issues:
        path, text = issue["expression"][0], issue["details"]["text"]
        top = path.split(".")[1].partition("[")[0]
        if text.startswith(("The case cannot hold", "You can read nothing")):
            gone.add(re.match(r".*\]|.*careManager", path)[0])
        elif text.startswith("The case has no place"):
            gone.add(path)
        elif top in ours:
            changed[top] = copy.deepcopy(ours[top])
        else:
            changed.pop(top, None)
    alone = [path for path in gone if not any(path.startswith((f"{one}.", f"{one}[")) for one in gone)]
    for path in sorted(
        alone, key=lambda path_: [int(one) for one in re.findall(r"\d+", path_)], reverse=True
    ):
        if holder := at(changed, path):
            part, key = holder
            # ours may stand there by now
            if key < len(part) if isinstance(part, list) else key in part:
                del part[key]
    return pruned(changed)


def pruned(node):
    """A node without what is empty now."""
    if isinstance(node, dict):
        below = {key: pruned(value) for key, value in node.items()}
        return {key: value for key, value in below.items() if value not in ({}, [])}
    return [value for value in map(pruned, node) if value not in ({}, [])] if isinstance(node, list) else node


def says(more, less):
    """Whether a resource says all that another says."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(key in more and says(more[key], less[key]) for key in less)
    if isinstance(less, list):
        rest = list(more)
        for item in less:
            same = next((one for one in rest if says(one, item)), None)
            if same is None:
                return False
            rest.remove(same)
        return True
    return more == less


def items(resource):
    """The participants of a team, the progress of a plan's activities, or the manager of a case."""
    progress = [note for activity in resource.get("activity", []) for note in activity.get("progress", [])]
    managers = [resource["careManager"]] if "careManager" in resource else []
    return [*resource.get("participant", []), *progress, *managers]


def put_back(house, other, counted, named):
    """Put a resource of others until it is taken; return what came of it."""
    type_ = other["resourceType"]
    services = [
        {"id": f"s{number}", "kind": "other", "status": "active"}
        for number in range(sum("reference" in activity for activity in other.get("activity", [])))
    ]
    ours = house.ours(type_, services)
    sent, left = moved(other, ours, house), {}
    counted["items"] += len(items(sent))
    for _ in range(10):
        answer = house.put(sent)
        if answer.status_code == 200:
            counted["taken"] += len(items(sent))
            for path, kind in left.items():
                named[path][kind] += 1
            assert says(answer.json, {k: v for k, v in json.loads(dump(sent)).items() if k != "text"})
            return "taken in part" if left else "taken whole"
        assert answer.status_code == 422, answer.data
        issues = answer.json["issue"]
        if not all(issue["code"] in {"not-supported", "business-rule", "not-found"} for issue in issues):
            return "not R4"
        for issue in issues:
            gone = not issue["details"]["text"].startswith("This cannot")
            left.setdefault(
                re.sub(r"\[\d+\]", "", issue["expression"][0]), "left out" if gone else "left as it was"
            )
        sent = obeyed(sent, ours, issues)
    raise AssertionError([type_, issues])


def test_each_is_taken_and_given_back_or_each_element_that_is_not_is_named(house):
    counted, files = Counter(), sha256()
    named = defaultdict(Counter)
    for name, resource, said in written():
        files.update(said)
        inside = Counter()
        counted[name, resource["resourceType"], put_back(house, resource, inside, named)] += 1
        counted.update({(name, resource["resourceType"], key): number for key, number in inside.items()})
    assert counted
    columns = ("not R4", "taken whole", "taken in part")
    lines = []
    for key in sorted({key[:2] for key in counted}):
        numbers = [counted[*key, column] for column in columns]
        numbers = [sum(numbers), *numbers, counted[*key, "items"], counted[*key, "taken"]]
        lines.append(f"| {' | '.join(key)} | {' | '.join(map(str, numbers))} |")
    elements = [
        f"| `{path}` | {counts['left out'] or ''} | {counts['left as it was'] or ''} |"
        for path, counts in sorted(named.items())
    ]
    digest = files.hexdigest()[:16]
    table = HEAD.format(files=digest, counts="\n".join(lines), elements="\n".join(elements))
    if os.environ.get("CASEBRIDGE_WRITE_OUTCOMES"):
        TABLE.write_text(table, encoding="utf-8")
    page = TABLE.read_text(encoding="utf-8")
    # of other files the table says nothing
    assert page == table or digest not in page
