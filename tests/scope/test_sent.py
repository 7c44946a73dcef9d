"""What is sent tells the sender nothing of who or what is known to others."""

import re

from tests.scope import questions
from tests.scope.answers import CHANGING, NEVER, same_but_for_ids
from tests.scope.oracle import UUID as ID
from tests.scope.oracle import Oracle
from tests.scope.world import PERSONS, VISITS, name_of
from tests.web.sent import ER7, a03, encounter


def test_what_is_sent_is_answered_alike_whoever_is_known_to_others(house, world):
    """A person, visit or document of others is to a sender as one that never was."""
    oracle = Oracle(world)
    for number, known in enumerate(("new-mercy-1", "cms-1", "cms-2")):
        for sent in sent_of(number):
            hidden, never = (
                same_but_for_names(house.ask(partner="lakeside", **sent(name, f"{at}")), name)
                for at, name in enumerate((known, f"never-{number}"))
            )
            assert hidden == never, (known, sent)
    clients = [uuid for uuid, owner in oracle.owners.items() if owner.kind == "client"]
    foreign = [uuid for uuid in clients if not oracle.owns("other", oracle.owners[uuid])]
    for client in (*foreign, "cms-1"):
        hidden, never = (
            house.put("/api/cases/new", {"client": name, "status": "active"}, partner="other")
            for name in (client, NEVER)
        )
        assert same_but_for_ids(hidden) == same_but_for_ids(never)
    for number in ("cms-3", "new-mercy-2", "nobody-1"):
        body = {"names": [{"family": "X"}], "identifiers": [{"system": PERSONS, "value": number}]}
        answer = house.put(f"/api/clients/new-{number}", body, partner="other")
        assert (answer.status_code, answer.json) == (201, body)


def same_but_for_names(answer, name):
    """What an answer tells, without who and which message it is about, and when."""
    text = re.sub(r"MSH.*|M-\d-\d-A\d\d|\d{4}-\d\d-\d\dT[^\"]+", "", answer.get_data(as_text=True))
    headers = sorted(set(answer.headers.keys()) - CHANGING), answer.headers.get("ETag")
    return answer.status_code, ID.sub("", text).replace(name, ""), headers


def sent_of(number):
    """What a hospital may send of a person and a visit: as FHIR, and as HL7 v2."""

    def stay(name, at, **more):
        visit = {"system": VISITS, "value": f"visit-mercy-{name}"}
        contained = [
            {"resourceType": "Patient", "id": "p", "identifier": [{"system": PERSONS, "value": name}]}
        ]
        return encounter(identifier=[visit], contained=contained, **more)

    def create(name, at):
        return {"method": "POST", "path": "/fhir/Encounter", "json": stay(name, at), **questions.FHIR}

    def create_once(name, at):
        once = {"If-None-Exist": f"identifier={VISITS}|visit-mercy-{name}"}
        return create(name, at) | {"headers": once}

    def update(name, at):
        path = f"/fhir/Encounter?identifier={VISITS}|visit-mercy-{name}"
        return create(name, at) | {"method": "PUT", "path": path, "headers": {"If-Match": 'W/"1"'}}

    def er7(trigger):
        def ask(name, at):
            raw = a03(f"M-{number}-{at}-{trigger}", trigger, person=name, visit=f"visit-mercy-{name}")
            raw = raw.replace(b"Rider^River||19900501", name_of(name).encode())
            return {"method": "POST", "path": "/hl7v2", "data": raw, "content_type": ER7}

        return ask

    return (update, er7("A11"), create_once, create, *(er7(trigger) for trigger in ("A01", "A03", "A08")))
