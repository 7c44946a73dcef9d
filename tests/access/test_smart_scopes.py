"""Scopes are read as SMART writes them, and a grant is what is asked for and may be had."""

import pytest

from service.access.policy import RIGHTS
from service.access.smart_scopes import Grant, at_most, parse, parse_fhir
from service.errors import Rejected
from service.values.credentials import Credentials
from service.values.scope import Partner


@pytest.mark.parametrize(
    ("scope", "letters"),
    [
        ("system/CarePlan.rs", "rs"),
        ("system/CarePlan.cruds", "cruds"),
        ("system/CarePlan.read", "rs"),
        ("system/CarePlan.write", "cud"),
        ("system/CarePlan.*", "cruds"),
        ("system/*.s", "s"),
    ],
)
def test_both_versions_of_smart_are_read(scope, letters):
    assert parse_fhir(scope).interactions == letters


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "system/CarePlan",
        "system/CarePlan.",
        "system/CarePlan.sr",
        "system/CarePlan.rr",
        "system/CarePlan.x",
        "system/Careplan.rs",
        "system/Element.rs",
        "system/CarePlan.rs?",
        "system/CarePlan.rs\n",
        "patient/CarePlan.rs",
        "user/*.rs",
        "openid",
        "casebridge/",
        "casebridge/resources",
        "casebridge/everything",
        " system/Patient.rs",
    ],
)
def test_what_is_no_scope_is_refused_by_its_number(scope):
    with pytest.raises(Rejected, match="Scope 2 is not known"):
        parse(f"system/Goal.rs {scope}")


def test_a_search_that_narrows_is_read_and_refused_as_long_as_no_query_enforces_it():
    scope = parse_fhir("system/Observation.rs?category=http://x|laboratory&status=final")
    assert scope.search == (("category", "http://x|laboratory"), ("status", "final"))
    with pytest.raises(Rejected, match="Scope 1 narrows Observation"):
        parse("system/Observation.rs?category=laboratory")


def test_more_scopes_than_there_can_be_are_refused():
    with pytest.raises(Rejected, match="over 200"):
        parse(" ".join(["system/Goal.rs"] * 201))


@pytest.mark.parametrize(
    ("asked", "had", "granted"),
    [
        ("system/CarePlan.rs", "system/*.rs", "system/CarePlan.rs"),
        ("system/*.cruds", "system/CarePlan.rs system/Goal.r", "system/CarePlan.rs system/Goal.r"),
        ("system/*.read", "system/*.rs", "system/*.rs"),
        ("system/CarePlan.cruds", "system/CarePlan.rs", "system/CarePlan.rs"),
        ("system/CarePlan.u", "system/CarePlan.rs", ""),
        ("system/CarePlan.rs", "system/Goal.rs", ""),
        ("casebridge/events casebridge/erase", "casebridge/events system/*.rs", "casebridge/events"),
        ("system/Goal.rs system/*.r", "system/*.rs", "system/*.r system/Goal.s"),
    ],
)
def test_what_is_granted_is_what_both_allow(asked, had, granted):
    assert str(parse(asked) & parse(had)) == str(parse(had) & parse(asked)) == granted


def test_what_is_written_is_read_as_the_same():
    grant = parse("system/CarePlan.cruds system/*.rs casebridge/erase casebridge/documents")
    assert parse(str(grant)) == Grant(grant.rights, parse("system/*.rs system/CarePlan.cud").interactions)
    assert str(grant) == "system/*.rs system/CarePlan.cud casebridge/documents casebridge/erase"


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_kind_may_ask_for_its_rights_and_no_other(kind):
    assert at_most(Partner("x", kind)).all_rights() == RIGHTS[kind]


def test_a_partner_may_update_what_its_entry_lets_it_write():
    partner = Partner("x", "insurer", writes=("CareTeam",))
    assert str(at_most(partner)) == "system/*.rs system/CareTeam.u"
    assert at_most(partner).allows("CareTeam", "u")
    assert not at_most(partner).allows("CarePlan", "u")


def test_an_entry_narrows_what_its_kind_may_ask_for_and_never_widens_it():
    scopes = Credentials(scopes="system/CarePlan.cruds casebridge/erase")
    assert str(at_most(Partner("x", "insurer", credentials=scopes))) == "system/CarePlan.rs"
