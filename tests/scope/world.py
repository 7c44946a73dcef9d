"""Clients, cases and stays of several partners, generated: what begins and ends, overlaps, is denied.

All that is put or sent is kept as it was sent; `oracle.py` reads who sees what from that alone.
"""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from tests.flows import river
from tests.web.sent import Mercy, encounter

PERSONS = "urn:example:persons"
VISITS = "urn:example:visits"
ICD = "http://hl7.org/fhir/sid/icd-10"
SYSTEMS = {"cms": "mercy", "other": "lakeside"}
"""The case systems, and which hospital offers each what it opens."""
INSURERS = ("northern", "southern")
HOSPITALS = ("mercy", "lakeside")
PARTNERS = (*SYSTEMS, *INSURERS, *HOSPITALS, "engineer")
REGISTRY = """
partners:
  - {name: cms, kind: case-system, writes: [CarePlan, CareTeam, EpisodeOfCare]}
  - {name: other, kind: case-system, writes: [CarePlan, CareTeam, EpisodeOfCare]}
  - name: northern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CarePlan, CareTeam, EpisodeOfCare]
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: southern}]
    purpose: CAREMGT
    labels: [PSY]
    run_out_days: 30
    writes: [CarePlan, CareTeam, EpisodeOfCare]
  - name: mercy
    kind: hospital
    identifiers: [{system: "urn:example:hospitals", value: mercy}]
    labels: [HIV]
    writes: [CarePlan, CareTeam, EpisodeOfCare]
    intake: {case_system: cms, identifying: ["urn:example:persons"]}
  - name: lakeside
    kind: hospital
    identifiers: [{system: "urn:example:hospitals", value: lakeside}]
    run_out_days: 0
    writes: [CarePlan, CareTeam, EpisodeOfCare]
    intake: {case_system: other, identifying: ["urn:example:persons"]}
  - {name: engineer, kind: engineer}
"""
ORGANIZATIONS = {
    **{
        n: {"kind": "insurer", "identifiers": [{"system": "urn:example:payers", "value": n}]}
        for n in INSURERS
    },
    **{
        n: {"kind": "hospital", "identifiers": [{"system": "urn:example:hospitals", "value": n}]}
        for n in HOSPITALS
    },
    "ward": {"kind": "hospital", "part_of": "mercy"},
    "club": {"kind": "other"},
}
NURSES = ("ann", "bo", "cy", "di")
# whether the case system asks at the ends of what holds and runs out, in days before today
ENDS = (None, None, 0, 1, 29, 30, 31, 89, 90, 91, -1, -40)
STARTS = (None, 200, 1, 0, -1, -2)
CODES = ("S72.3", "F32.1", "B20", "F10.2")
DENIED = {
    "cms": ({"purposes": ["HPAYMT"]}, {"labels": ["PSY"]}),
    "other": ({"purposes": ["TREAT"]}, {"labels": ["HIV"]}),
}
"""What somebody denies all, of whom an insurer and a hospital would see all else."""
PURPOSES = ([], ["HPAYMT"], ["HPAYMT"], ["HOPERAT"], ["TREAT"], ["TREAT"], ["BTG"])


def day(ago):
    return (datetime.now(UTC).date() - timedelta(days=ago)).isoformat()


class World:
    """What was put, by (source, kind, ref); what was sent, by the person's number; where each is kept."""

    def __init__(self, house, seed):
        self.house = house
        self.random = random.Random(seed)
        self.put_by = {}
        self.stays = defaultdict(list)
        self.uuids = {}
        self.people = []

    def make(self):
        for source in SYSTEMS:
            for ref, body in ORGANIZATIONS.items():
                self.put(source, "organization", ref, {"name": f"{source} {ref}", **body})
            for ref in NURSES:
                self.put(
                    source, "practitioner", ref, {**river.NURSE, "names": [{"family": f"{source} {ref}"}]}
                )
            for at in range(4):
                self.put_person(source, f"{source}-{at}", has_case=at > 0)
            for at, denied in enumerate(DENIED[source], 7):
                self.put_denying(source, f"{source}-{at}", denied)
        self.send_stays()
        for source in SYSTEMS:
            for at in range(0, 4, 2):
                self.put_person(source, f"{source}-{at}", has_case=at > 0)
        return self

    def put(self, source, kind, ref, body):
        """Put a document, anew or over the one before."""
        before = self.put_by.get((source, kind, ref))
        path = {"client": "clients", "case": "cases"}.get(kind, f"directory/{kind}")
        headers = {}
        if before is not None:
            seen = self.house.get(f"/api/{path}/{ref}", partner=source)
            headers["If-Match"] = seen.headers["ETag"]
        answer = self.house.put(f"/api/{path}/{ref}", body, partner=source, headers=headers)
        assert answer.status_code in {200, 201}, answer.json
        self.put_by[source, kind, ref] = body
        self.uuids[answer.headers["Casebridge-Id"]] = (source, kind, ref)

    def put_person(self, source, number, *, has_case):
        if number not in self.people:
            self.people.append(number)
        self.put(source, "client", number, self.client(number))
        if has_case:
            self.put(source, "case", number, self.case(number))

    def put_denying(self, source, number, denied):
        """Put somebody whom all would see, but for what they deny."""
        self.people.append(number)
        covered = [{"id": payer, "status": "active", "payer": payer, "period": {}} for payer in INSURERS]
        consent = {"id": "consent", "status": "active", "decision": "deny", **denied}
        self.put(
            source, "client", number, self.client(number) | {"coverages": covered, "consents": [consent]}
        )
        team = [
            {"id": name, "role": "hospital-contact", "organization": name, "period": {}} for name in HOSPITALS
        ]
        conditions = [
            {"id": code, "code": {"system": ICD, "code": code}, "clinical_status": "active"} for code in CODES
        ]
        plain = {name: part for name, part in self.case(number).items() if name != "closure"}
        more = {"status": "active", "team": team, "conditions": conditions}
        self.put(source, "case", number, plain | more)

    def client(self, number):
        return {
            "identifiers": [{"system": PERSONS, "value": number}],
            "names": [{"family": name_of(number)}],
            "birth_date": f"19{self.people.index(number) + 40}-05-01",
            "coverages": [
                {
                    "id": f"coverage{n}",
                    "status": self.random.choice(("active", "active", "active", "cancelled")),
                    "payer": self.random.choice(INSURERS),
                    "period": self.period(),
                }
                for n in range(self.random.choice((0, 1, 1, 2)))
            ],
            "consents": [self.consent(n) for n in range(self.random.choice((0, 0, 1, 1, 2)))],
        }

    def consent(self, n):
        recipient = self.random.choice((None, None, *INSURERS, *HOSPITALS, "club"))
        more = {
            "recipient": recipient,
            "purposes": self.random.choice(PURPOSES),
            "labels": self.random.choice(([], [], ["PSY"], ["HIV"])),
            "period": self.random.choice(({}, {}, self.period())),
        }
        decision = self.random.choice(("deny", "deny", "deny", "permit"))
        status = self.random.choice(("active", "active", "active", "inactive"))
        return {"id": f"consent{n}", "status": status, "decision": decision} | {
            k: v for k, v in more.items() if v
        }

    def period(self):
        start, end = self.random.choice(STARTS), self.random.choice(ENDS)
        if start is not None and end is not None and start < end:
            start = end + 3
        ends = {"start": start, "end": end}
        return {name: day(ago) for name, ago in ends.items() if ago is not None}

    def case(self, number):
        status = self.random.choice(("active", "active", "finished"))
        members = self.random.sample(("mercy", "lakeside", "ward", "club"), self.random.choice((0, 1, 1, 2)))
        team = [
            {"id": org, "role": "hospital-contact", "organization": org, "period": self.period()}
            for org in members
        ]
        kinds = ("physiotherapy", "physiotherapy", "mental-health-service")
        conditions = [
            {"id": f"condition{n}", "code": {"system": ICD, "code": code}, "clinical_status": "active"}
            for n, code in enumerate(self.random.sample(CODES, self.random.choice((0, 1, 2))))
        ]
        stays = [
            {
                "id": "own",
                "kind": "inpatient",
                "hospital": self.random.choice(HOSPITALS),
                **self.random.choice(
                    (
                        {"status": "in-progress"},
                        {"status": "cancelled"},
                        {
                            "status": "finished",
                            "period": {"end": day(self.random.choice((0, 1, 89, 90, 91)))},
                        },
                    )
                ),
            }
        ]
        closure = {"closure": {"reason": "goals-met", "date": day(self.random.choice((0, 1, 89, 90, 91)))}}
        return {
            "client": number,
            "identifiers": [{"system": "urn:example:cases", "value": f"case-{number}"}],
            "status": status,
            "care_model": "clinical",
            "period": {"start": day(210)},
            "care_manager": self.random.choice(NURSES),
            "team": team,
            "conditions": conditions,
            "stays": stays if self.random.random() < 0.3 else [],
            "plan": {
                "title": f"Plan of {name_of(number)}",
                "status": "active",
                "author": self.random.choice(NURSES),
                "goals": [{"id": "walk", "status": "active", "description": "Walk"}],
                "services": [{"id": "service", "kind": self.random.choice(kinds), "status": "active"}],
            },
            **(closure if status == "finished" else {}),
        }

    def send_stays(self):
        """Have each hospital tell of stays: of people in a case that goes on or in none, and of new ones."""
        known = [
            number
            for source in SYSTEMS
            for number in self.people
            if (source, "client", number) in self.put_by
            and self.put_by.get((source, "case", number), {}).get("status", "active") == "active"
        ]
        for name in HOSPITALS:
            people = [*self.random.sample(known, 2), f"new-{name}-1", f"new-{name}-2"]
            for number in people:
                self.send_stay(name, number)

    def send_stay(self, hospital, number):
        if number not in self.people:
            self.people.append(number)
        status, end = self.random.choice(
            (("in-progress", None), ("finished", 0), ("finished", 1), ("finished", 89), ("finished", 91))
        )
        period = {"start": f"{day(200)}T09:00:00Z"} | (
            {} if end is None else {"end": f"{day(end)}T09:00:00Z"}
        )
        person = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"system": PERSONS, "value": number}],
            "name": [{"family": name_of(number)}],
        }
        visit = {"system": VISITS, "value": f"visit-{hospital}-{number}"}
        sent = encounter(identifier=[visit], status=status, period=period, contained=[person])
        answer = Mercy(self.house, hospital).send("/fhir/Encounter", sent)
        assert answer.status_code in {200, 201}, answer.json
        self.stays[number].append({"hospital": hospital, "status": status, "end": end})


def name_of(number):
    """The family name of a person, which nothing else has."""
    return f"Zq{number.replace('-', 'q')}Qz"
