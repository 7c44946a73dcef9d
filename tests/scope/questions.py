"""How each route is asked: about one thing by the name in its address, and about what is nobody's."""

import json

FHIR = {"content_type": "application/fhir+json"}
STALE = {"If-Match": 'W/"999"'}
EVERYTHING = "2020-01-01T00:00:00Z"


def _document(kind):
    """The smallest document of a kind that is one."""
    return {
        "client": {"names": [{"family": "Nobody"}]},
        "case": {"client": "nobody", "status": "active"},
        "practitioner": {"names": [{"family": "Nobody"}]},
        "organization": {"name": "Nobody", "kind": "other"},
        "location": {"name": "Nowhere"},
    }[kind]


def _api(kind):
    return [
        {},
        {"method": "HEAD"},
        {"method": "OPTIONS"},
        {"headers": {"If-None-Match": 'W/"1"'}},
        {"method": "PATCH", "json": {}, "content_type": "application/merge-patch+json", "headers": STALE},
        {"method": "PATCH", "json": {}, "content_type": "application/merge-patch+json"},
        {"method": "PUT", "json": _document(kind), "headers": STALE},
        {"method": "DELETE", "headers": STALE},
        {"method": "DELETE"},
        {"query": "?a=b"},
    ]


def _put(type_):
    def ask(id_):
        body = json.dumps({"resourceType": type_, "id": id_, "status": "active"})
        return [{"method": "PUT", "data": body, **FHIR, "headers": headers} for headers in ({}, STALE)]

    return ask


PATHS = {
    "client": "/api/clients",
    "case": "/api/cases",
    "practitioner": "/api/directory/practitioner",
    "organization": "/api/directory/organization",
    "location": "/api/directory/location",
}
READ = [
    {},
    {"method": "HEAD"},
    {"method": "OPTIONS"},
    {"headers": {"If-None-Match": 'W/"1"'}},
    {"headers": {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}},
    {"headers": {"Accept-Language": "da"}},
    {"query": "?_format=json"},
]
OF_RESOURCES = {
    "/fhir/<type_>/<id_>": READ,
    "/fhir/<type_>/<id_>/_history/<int:version>": READ,
    "/fhir/<type_>/<id_>/$validate": [*READ[:3], {"query": "?mode=profile"}, {"method": "POST"}],
    "/fhir/<type_>/<id_>/_history": [
        *READ,
        {"query": f"?_since={EVERYTHING}"},
        {"query": "?_since=2100-01-01T00:00:00Z"},
        {"query": "?_count=1"},
        {"query": "?_count=0"},
        {"query": "?_cursor=2"},
    ],
}
"""By rule, in which ways a resource is asked for."""
WHOLE_OF = {
    f"/fhir/{type_}/<id_>/$everything": [
        *READ[:3],
        {"query": "?_count=1"},
        {"query": f"?_type=Practitioner&_since={EVERYTHING}"},
        {"method": "POST", "data": '{"resourceType": "Parameters"}', **FHIR},
    ]
    for type_ in ("Patient", "EpisodeOfCare")
}
WHOLE_OF["/fhir/EpisodeOfCare/<id_>/$document"] = [*READ[:4], READ[5], {"method": "POST"}]
"""By rule, in which ways all that is of a patient or episode is asked for."""
PUT_BACK = {f"/fhir/{type_}/<id_>": _put(type_) for type_ in ("CarePlan", "CareTeam", "EpisodeOfCare")}
OF_DOCUMENTS = {
    **{f"{path}/<ref>": (kind, _api(kind)) for kind, path in PATHS.items()},
    **{f"{path}/<ref>/revisions": (kind, [{}, {"method": "HEAD"}]) for kind, path in PATHS.items()},
    "/api/clients/<ref>/disclosures": ("client", [{}, {"method": "HEAD"}, {"query": "?_count=1&below=5"}]),
    "/api/clients/<ref>/unmerge": (
        "client",
        [
            {"method": "POST"},
            {"method": "POST", "json": {"identifier": {"system": "urn:example:persons", "value": "cms-1"}}},
        ],
    ),
}
"""By rule, of which kind of document, and how it is asked for."""
OF_ENTRIES = {
    "/api/quarantine/<entry>": [{}, {"method": "HEAD"}],
    "/api/quarantine/<entry>/body": [{}, {"query": "?edited"}, {"method": "PUT", "data": b"x"}],
    "/api/quarantine/<entry>/replay": [{"method": "POST"}],
    "/api/quarantine/<entry>/discard": [{"method": "POST"}],
    "/api/quarantine/<entry>/stop": [{"method": "POST"}],
}
"""By rule, how an entry of the quarantine is asked for."""
SEARCHED = {
    "/fhir",
    "/fhir/_search",
    "/fhir/<type_>",
    "/fhir/<type_>/_search",
    "/fhir/<compartment>/<id_>/<type_>",
    "/fhir/_history",
    "/fhir/<type_>/_history",
}
"""What `test_searches.py` asks."""
WHOLE = {
    "/fhir/Patient/<id_>/$everything",
    "/fhir/EpisodeOfCare/<id_>/$everything",
    "/fhir/EpisodeOfCare/<id_>/$document",
    "/fhir/Patient/$everything",
    "/fhir/Group",
    "/fhir/Group/<id_>",
    "/fhir/Group/<id_>/$export",
    "/fhir/Group/<id_>/$davinci-data-export",
    "/fhir/Patient/$export",
    "/fhir/Patient/$member-match",
    "/fhir/Group/$bulk-member-match",
    "/fhir/Group/$provider-member-match",
    "/fhir/Group/$member-matches/<id_>",
    "/fhir/Group/$member-matches/<id_>/<int:number>",
    "/fhir/$export",
    "/fhir/$export/<id_>",
    "/fhir/$export/<id_>/<int:number>",
}
"""What `test_wholes.py` asks."""
LISTED = {*PATHS.values(), "/api/quarantine"}
SENT = {"/fhir/$process-message", "/fhir", "/fhir/Encounter", "/hl7v2"}
"""What hospitals send to; `test_sent.py` asks them."""
PREVIEWED = {"/api/mappings/$preview"}
DEFINITIONS = {"OperationDefinition": "EpisodeOfCare-everything", "SearchParameter": "episode-of-care"}
# what is the same for everybody who may have it: nothing of anybody stands in it
OF_NOBODY = {
    "/": [{}],
    "/docs": [{}],
    "/docs/<name>": [{"name": "openapi.yaml"}],
    "/docs/messages/<name>": [{"name": "envelope.json"}],
    "/health": [{}],
    "/health/live": [{}],
    "/health/ready": [{}],
    "/metrics": [{}],
    "/health/details": [{}],
    "/events": [{}, {"query": "?after=3"}, {"query": "?_count=5"}, {"query": "?wait=1"}, {"method": "HEAD"}],
    "/notifications/<id_>": [{"method": "POST", "id_": "nobody"}],
    "/oauth2/token": [{"method": "POST"}],
    "/oauth2/jwks": [{}],
    "/fhir/.well-known/smart-configuration": [{}],
    "/fhir/metadata": [{}, {"query": "?mode=terminology"}],
    "/api/quarantine/prune": [{"method": "POST", "query": "?entries=99999&bodies=99999"}],
    "/fhir/AuditEvent": [{}, {"query": "?_count=5"}, {"query": "?agent=cms"}],
    "/fhir/AuditEvent/_search": [{"method": "POST"}],
    "/fhir/AuditEvent/<id_>": [{"id_": "1"}],
    **{
        f"/fhir/{type_}{end}": [{"method": "POST"} if end else {}]
        for type_ in ("CodeSystem", "ConceptMap", "StructureDefinition", "ValueSet", *DEFINITIONS)
        for end in ("", "/_search")
    },
    **{f"/fhir/{type_}/<id_>": [{"id_": id_}] for type_, id_ in DEFINITIONS.items()},
    "/fhir/Subscription": [{}, {"query": "?status=active"}, {"method": "POST", "data": "{}", **FHIR}],
    "/fhir/Subscription/_search": [{"method": "POST"}],
    "/fhir/Subscription/$status": [{}, {"query": "?id=x"}, {"method": "POST"}],
    "/fhir/Subscription/<id_>": [{"id_": "x"}, {"id_": "x", "method": "DELETE"}],
    "/fhir/Subscription/<id_>/$status": [{"id_": "x"}, {"id_": "x", "method": "POST"}],
    "/fhir/Subscription/<id_>/$events": [{"id_": "x"}, {"id_": "x", "method": "POST"}],
    "/fhir/<type_>/$validate": [
        {"method": "POST", "data": '{"resourceType": "Patient"}', **FHIR, "type_": "Patient"},
        {"method": "POST", "data": '{"resourceType": "Goal"}', **FHIR, "type_": "Goal"},
    ],
    **{
        f"/fhir/{type_}/<id_>{end}": [{"id_": "care-model"}]
        for type_, end in (
            ("CodeSystem", ""),
            ("CodeSystem", "/$validate-code"),
            ("ConceptMap", ""),
            ("ConceptMap", "/$translate"),
            ("OperationDefinition", ""),
            ("SearchParameter", ""),
            ("StructureDefinition", ""),
            ("ValueSet", ""),
            ("ValueSet", "/$expand"),
            ("ValueSet", "/$validate-code"),
        )
    },
    **{
        f"/fhir/{operation}": [{}, {"method": "POST"}]
        for operation in (
            "CodeSystem/$lookup",
            "CodeSystem/$validate-code",
            "ConceptMap/$translate",
            "ValueSet/$expand",
            "ValueSet/$validate-code",
        )
    },
}
KNOWN = {
    *OF_RESOURCES, *PUT_BACK, *OF_DOCUMENTS, *OF_ENTRIES, *SEARCHED, *WHOLE, *LISTED, *SENT, *PREVIEWED,
    *OF_NOBODY,
}  # fmt: skip
"""The routes that are asked; there is no other."""
