"""Each route of the application needs the rights that stand here, each granted by a scope of its own."""

import re

import pytest

from service.access.policy import RESOURCES, RIGHTS
from service.access.smart_scopes import at_most, scope_of
from service.values.access.scope import Partner
from tests.web import smart
from tests.web.access.test_bearers import routes

API = r"/api/(clients|cases|directory/\w+)"
# an export is of the types that are granted, whichever these are
ANY = "system/*.rs"
NEEDS = (
    (rf"DELETE {API}/x", {"documents", "erase"}),
    (r"(GET|HEAD) /api/clients/x/disclosures", {"documents"}),
    (r"((GET|HEAD) /fhir/AuditEvent(/x)?|POST /fhir/AuditEvent/_search)", {"audit"}),
    (rf"(GET|HEAD|PUT|PATCH|POST) {API}(/x)?(/revisions|/unmerge)?", {"documents"}),
    (r"POST /api/mappings/\$preview", {"preview"}),
    (r"(GET|HEAD) /api/quarantine/x/body", {"quarantine", "bodies"}),
    (r"(GET|HEAD) /api/quarantine(/x)?", {"quarantine"}),
    (r"PUT /api/quarantine/x/body", {"quarantine", "replay"}),
    (r"POST /api/quarantine/x/(replay|discard|stop)", {"quarantine", "replay"}),
    (r"POST /api/quarantine/prune", {"quarantine", "administer"}),
    (r"POST (/hl7v2|/fhir|/fhir/\$process-message)", {"discharges"}),
    (r"(POST|PUT) /fhir/Encounter", {"discharges"}),
    (r"(GET|HEAD) /events", {"events"}),
    (r"(GET|HEAD) /(metrics|health/details)", {"metrics"}),
    (r"(?:GET|HEAD|POST|DELETE) /fhir/(?:\w+/)*\$(?:davinci-data-)?export(?:/\w+)*", ANY),
    (r"POST /fhir/(Patient)/\$member-match", "system/{}.s system/Coverage.s"),
    (r"POST /fhir/(Group)/\$\w+-member-match", "system/{}.s system/Patient.s system/Coverage.s"),
    (r"(?:GET|HEAD) /fhir/(Group)/\$member-matches/x", "system/{}.r system/Patient.s system/Coverage.s"),
    (r"(?:GET|HEAD|DELETE) /fhir/(Group)/\$member-matches/.+", "system/{}.r"),
    (r"PUT /fhir/(\w+)/x", "system/{}.u"),
    (r"POST /fhir/(Subscription)", "system/{}.c"),
    (r"DELETE /fhir/(Subscription)/x", "system/{}.d"),
    (r"(?:GET|HEAD) /fhir(?:/_history)?|POST /fhir/_search", "system/*.s"),
    (r"(?:GET|HEAD) /fhir/(\w+)/_history", "system/{}.s"),
    (r"(?:GET|HEAD) /fhir/(\w+)", "system/{}.s"),
    (r"(?:GET|HEAD) /fhir/Patient/x/([A-Z]\w+)", "system/{}.s"),
    (r"POST /fhir/(\w+)/_search", "system/{}.s"),
    (r"(?:GET|HEAD|POST) /fhir/Patient/\$everything", "system/Patient.rs"),
    # a document says whose it is
    (r"(?:GET|HEAD|POST) /fhir/EpisodeOfCare/x/\$document", "system/EpisodeOfCare.r system/Patient.r"),
    (r"(?:GET|HEAD|POST) /fhir/(\w+)/.+", "system/{}.r"),
)
KINDS = ["case-system", "engineer", "hospital", "insurer", "operator"]
WRITES = ("CareTeam", "CarePlan", "EpisodeOfCare")


@pytest.fixture
def database_url(sqlite_url):
    """Who may use a route is the same on both."""
    return sqlite_url


@pytest.fixture
def settings(tmp_path, database_url):
    entries = [smart.entry(name, writes=list(WRITES)) for name in smart.KINDS]
    return smart.settings(database_url, smart.registry(tmp_path, *entries))


@pytest.fixture
def house(settings, engine, mappings):
    return smart.House(settings, engine, mappings)


def real(path):
    """The path of a route with types in the places of types."""
    return path.replace("/fhir/x/x/x", "/fhir/Patient/x/CarePlan").replace("/fhir/x", "/fhir/Patient", 1)


def scopes_of(method, path):
    """The scopes that a route needs; no route is without a line, or its own."""
    asked = f"{method} {real(path)}"
    for pattern, needs in NEEDS:
        if match := re.fullmatch(pattern, asked):
            is_of_fhir = isinstance(needs, str)
            return (
                set(needs.format(*match.groups()).split()) if is_of_fhir else {scope_of(one) for one in needs}
            )
    raise AssertionError(f"Nothing is said here of {asked}.")


@pytest.mark.parametrize("kind", KINDS)
def test_a_route_is_used_with_the_rights_that_it_needs_and_not_without_one_of_them(house, kind):
    """A partner with exactly these scopes, with all but one of them, and with all that its kind may have."""
    name = next(name for name, of in smart.KINDS.items() if of == kind)
    may = at_most(Partner(name, kind, writes=WRITES))
    mine = {scope_of(right) for right in may.rights}
    tokens = {}

    def status(scopes, method, path):
        key = " ".join(sorted(scopes))
        tokens[key] = tokens.get(key) or house.token(name, key)
        return house.ask(method, real(path), token=tokens[key]).status_code

    for method, path in routes(house.app):
        needed = scopes_of(method, path)
        of_fhir = {scope for scope in needed if scope.startswith("system/")}
        if (of_fhir and RESOURCES in RIGHTS[kind]) or (not of_fhir and needed <= mine):
            assert status(needed, method, path) not in {401, 403}, (method, path)
            others = mine | {"system/Slot.rs"} if RESOURCES in RIGHTS[kind] and ANY not in needed else mine
            for one in needed:
                if rest := (others | needed) - {one}:
                    assert status(rest, method, path) == 403, (method, path, one)
        else:
            every = mine | ({"system/*.rs"} if RESOURCES in RIGHTS[kind] else set())
            assert status(every, method, path) == 403, (method, path)


def test_each_right_is_needed_by_some_route():
    named = {right for _, needs in NEEDS if isinstance(needs, set) for right in needs}
    assert named == set().union(*RIGHTS.values()) - {RESOURCES}
