"""What cannot be read of a search, history or read is refused: 400, with the name of what is wrong."""

import pytest

PLANS = {
    "stats=active": "stats",
    "status=": "status",
    "status=active,": "status",
    "status=a|b|c": "status",
    "category=|": "category",
    "status:exact=active": "status",
    "status:missing=maybe": "status",
    "status:missing=": "status",
    "status:text=active": "status",
    "category:in=urn:nothing": "category",
    "category:below=urn:nothing|1": "category",
    "date=": "date",
    "date=26": "date",
    "date=2026-13": "date",
    "date=2026-02-30": "date",
    "date=ge": "date",
    "date=xx2026": "date",
    "date=2026-03-01T10": "date",
    "date=2026-03-01T25:00Z": "date",
    "date=2026-03-01T10:00:00%2B99:00": "date",
    "date=0000": "date",
    "date=0001-01-01T00:00:00%2B14:00": "date",
    "date=9999-12-31T23:59:59-14:00": "date",
    "date=%D9%A2%D9%A0%D9%A2%D9%A6": "date",
    "date:exact=2026": "date",
    "patient=": "patient",
    "patient=Patient/": "patient",
    "patient=/": "patient",
    "patient=Patient/1/2": "patient",
    "patient=Nothing/1": "patient",
    "subject:Nothing=1": "subject",
    "patient:identifier=": "patient",
    "patient:identifier=a|b|c": "patient",
    "instantiates-uri=": "instantiates-uri",
    "instantiates-uri:below=x": "instantiates-uri",
    "_id=": "_id",
    "_id=a,,b": "_id",
    "_id=CarePlan/1": "_id",
    "_id:not=a": "_id",
    "_lastUpdated=yesterday": "_lastUpdated",
    "_lastUpdated=": "_lastUpdated",
    "_lastUpdated=9999-12-31T23:59:59-14:00": "_lastUpdated",
    "_lastUpdated:missing=true": "_lastUpdated",
    "_profile=": "_profile",
    "_tag=": "_tag",
    "_security=a|b|c": "_security",
    "_source:contains=a": "_source",
    "_count=": "_count",
    "_count=-1": "_count",
    "_count=1.5": "_count",
    "_count=ten": "_count",
    "_count=%C2%B2": "_count",
    "_count=1&_count=2": "_count",
    "_sort=": "_sort",
    "_sort=-": "_sort",
    "_sort=colour": "_sort",
    "_sort=status": "_sort",
    "_sort=date,,_id": "_sort",
    "_sort=date,-date": "_sort",
    "_sort=date&_sort=_id": "_sort",
    "_total=": "_total",
    "_total=all": "_total",
    "_summary=": "_summary",
    "_summary=some": "_summary",
    "_elements=": "_elements",
    "_elements=a,,b": "_elements",
    "_elements=goal.id": "_elements",
    "_include=": "_include",
    "_include=*": "_include",
    "_include=CarePlan": "_include",
    "_include=CarePlan:*": "_include",
    "_include=CarePlan:colour": "_include",
    "_include=CarePlan:status": "_include",
    "_include=CarePlan:goal:Nothing": "_include",
    "_include=CarePlan:goal:Patient": "_include",
    "_include=CarePlan:goal:Goal:x": "_include",
    "_include=Goal:patient": "_include",
    "_include=Nothing:patient": "_include",
    "_include:iterate=CarePlan:goal": "_include",
    "_include:recurse=CarePlan:goal": "_include",
    "_revinclude=": "_revinclude",
    "_revinclude=*": "_revinclude",
    "_revinclude=Provenance": "_revinclude",
    "_revinclude=Provenance:agent-role": "_revinclude",
    "_revinclude=Goal:patient": "_revinclude",
    "_revinclude=Nothing:patient": "_revinclude",
    "_revinclude:iterate=Provenance:target": "_revinclude",
    "patient.=x": "patient",
    "patient.colour=x": "patient",
    "patient.name=": "name",
    "patient.name:colour=x": "name",
    "patient.birthdate=x": "birthdate",
    "patient:Nothing.name=x": "patient",
    "patient.organization.name=x": "patient.organization.name",
    "status.name=x": "status",
    "colour.name=x": "colour",
    ".name=x": "?",
    "_has=x": "_has",
    "_has:=x": "_has",
    "_has:Provenance=x": "_has",
    "_has:Provenance:target=x": "_has",
    "_has:Provenance:target:colour=x": "_has",
    "_has:Provenance:colour:recorded=2026": "colour",
    "_has:Provenance:target:recorded=x": "recorded",
    "_has:Nothing:target:recorded=2026": "_has",
    "_has:Goal:patient:target-date=2026": "_has",
    "_has:Provenance:target:_has:Provenance:target:recorded=2026": "_has",
    "_text=x": "_text",
    "_content=x": "_content",
    "_filter=status eq active": "_filter",
    "_query=x": "_query",
    "_list=x": "_list",
    "_contained=true": "_contained",
    "_containedType=container": "_containedType",
    "_cursor=": "_cursor",
    "_cursor=forged": "_cursor",
    "_pretty=yes": "_pretty",
    "_type=CarePlan": "_type",
    "status=" + "a" * 1001: "status",
    "=x": "?",
    "River%20Hayes=x": "?",
}
ELSEWHERE = {
    "Observation?value-quantity=": "value-quantity",
    "Observation?value-quantity=x": "value-quantity",
    "Observation?value-quantity=NaN": "value-quantity",
    "Observation?value-quantity=inf": "value-quantity",
    "Observation?value-quantity=1e999": "value-quantity",
    "Observation?value-quantity=5|a": "value-quantity",
    "Observation?value-quantity=5||": "value-quantity",
    "Observation?value-quantity=5|a|b|c": "value-quantity",
    "Observation?value-quantity:exact=5": "value-quantity",
    "Patient?name=": "name",
    "Patient?name:colour=x": "name",
    "?_type=": "_type",
    "?_type=Nothing": "_type",
    "?_type=CarePlan,Nothing": "_type",
    "?_type=CarePlan,Goal&status=active": "status",
    "?_type=CarePlan,Goal&patient.name=x": "patient.name",
    "?_type=CarePlan,Goal&patient:missing=true": "patient",
    "?_type=CarePlan,Goal&_sort=date": "_sort",
    "CarePlan/_history?_since=yesterday": "_since",
    "CarePlan/_history?_since=2026": "_since",
    "CarePlan/_history?_since=": "_since",
    "CarePlan/_history?_at=ge2026": "_at",
    "CarePlan/_history?_at=": "_at",
    "CarePlan/_history?_count=-1": "_count",
    "CarePlan/_history?colour=x": "colour",
    "CarePlan/_history?_count=1&_count=2": "_count",
    "_history?_cursor=forged": "_cursor",
    "_history?_sort=_lastUpdated": "_sort",
    "{plan}?colour=x": "colour",
    "{plan}?_sumary=true": "_sumary",
    "{plan}?_pretty=yes": "_pretty",
    "{plan}/_history/1?colour=x": "colour",
    "{plan}/_history?_since=x": "_since",
    "{patient}/CarePlan?colour=x": "colour",
    "{patient}/$everything?_count=0": "_count",
    "{patient}/$everything?_since=x": "_since",
    "{patient}/$everything?_type=Nothing": "_type",
    "{patient}/$everything?colour=x": "colour",
    "metadata?mode=some": "mode",
    "ValueSet?colour=x": "colour",
    "ValueSet?_count=x": "_count",
}


def asked(rivers_house):
    """Each address, with the name that has to be told."""
    plan = rivers_house.one("CarePlan")
    named = {"plan": f"CarePlan/{plan['id']}", "patient": plan["subject"]["reference"]}
    yield from ((f"CarePlan?{search}", name) for search, name in PLANS.items())
    yield from ((path.format(**named), name) for path, name in ELSEWHERE.items())


def test_what_cannot_be_read_is_named(rivers_house):
    wrong = []
    for path, name in asked(rivers_house):
        answer = rivers_house.get(f"/fhir{'' if path[0] == '?' else '/'}{path}")
        issue = answer.json.get("issue", [{}])[0]
        said = answer.status_code, issue.get("expression"), bool(issue.get("details", {}).get("text"))
        if said != (400, [name], True):
            wrong.append((path[:80], name, said, issue.get("details")))
    assert wrong == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "said"),
    [
        ("GET", "CarePlan", {"Accept": "text/html"}, (406, "Accept")),
        ("GET", "CarePlan", {"Accept": "application/fhir+xml"}, (406, "Accept")),
        ("GET", "CarePlan?_format=xml", {}, (406, "_format")),
        ("GET", "CarePlan?_format=", {}, (406, "_format")),
        ("POST", "CarePlan/_search", {"Content-Type": "application/json"}, (415, "Content-Type")),
        ("POST", "CarePlan/_search?_count=x", {}, (400, "_count")),
    ],
)
def test_what_cannot_be_answered_in_a_form_is_named(rivers_house, method, path, headers, said):
    body = {"data": b"{}"} if "Content-Type" in headers else {}
    answer = rivers_house.ask(method, f"/fhir/{path}", headers=headers, **body)
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (said[0], [said[1]])


def test_a_huge_count_is_the_most_there_may_be_and_none_counts(rivers_house):
    for count in ("501", "1000000", "9" * 900, "000000000007"):
        assert rivers_house.get(f"/fhir/Goal?_count={count}").json["total"] == 2, count
        assert len(rivers_house.get(f"/fhir/Goal/_history?_count={count}").json["entry"]) == 2, count
    none = rivers_house.get("/fhir/Goal?_count=0").json
    assert (none["total"], "entry" in none) == (2, False)
