"""Scopes are read as SMART writes them, and a grant is what is asked for and may be had."""

import pytest

from service.access.policy import RIGHTS
from service.access.smart_scopes import Grant, at_most, parse, parse_fhir
from service.errors import Rejected
from service.values.access.credentials import Credentials
from service.values.access.scope import Partner

PLANS = "system/CarePlan.rs"


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


def test_a_search_that_narrows_is_read_as_its_pairs():
    scope = parse_fhir("system/Observation.rs?category=http://x|laboratory&status=final")
    assert scope.search == (("category", "http://x|laboratory"), ("status", "final"))


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("system/Medication.rs?status=active", "Medication, which is not searched here"),
        ("system/*.rs?category=laboratory", r"narrows \*"),
        (
            "system/CarePlan.rs?colour=red",
            "colour: Not a search parameter of CarePlan. Known",
        ),
        ("system/CarePlan.rs?_id=x", "_id: Not a search parameter"),
        ("system/CarePlan.rs?status:text=active", "status: :text is of words"),
        ("system/CarePlan.rs?category:in=ValueSet/x", "category: No ValueSets are known here"),
        ("system/CarePlan.rs?category:below=urn:x|1", "category: No CodeSystems are known here"),
        ("system/CarePlan.rs?status=", "status: The value is empty"),
        ("system/CarePlan.rs?status=a%00", "NUL"),
        ("system/Patient.rs?birthdate=x", "birthdate: Not a date"),
        ("system/CarePlan.cruds?status=active", "more than `r` and `s`"),
        ("system/CarePlan.u?status=active", "more than `r` and `s`"),
        ("system/CarePlan.rs?" + "&".join(["status=active"] * 6), "over 5 parameters"),
        ("system/CarePlan.rs?status=" + ",".join("x" * 21), "over 5 parameters or 20 values"),
    ],
)
def test_a_search_by_what_is_not_searched_by_here_is_refused_by_its_name(scope, why):
    with pytest.raises(Rejected, match="Scope 2.*" + why):
        parse(f"system/Goal.rs {scope}")


def test_more_searches_of_a_type_than_a_statement_can_ask_are_refused():
    scopes = " ".join(f"system/CarePlan.rs?status=s{number}" for number in range(11))
    with pytest.raises(Rejected, match="over 10 searches"):
        parse(scopes)


def test_what_narrows_is_told_by_the_letter_of_the_interaction():
    both = "system/CarePlan.r?status=active system/CarePlan.r?category=a,b&status=x system/Goal.r"
    narrowings = parse(f"{both} system/CarePlan.s").narrowings()
    assert list(narrowings) == ["r"]
    (plans,) = narrowings["r"]
    assert plans.type == "CarePlan"
    assert [[one.terms for one in search] for search in plans.searches] == [
        [("CarePlan.category=a", "CarePlan.category=b"), ("CarePlan.status=x",)],
        [("CarePlan.status=active",)],
    ]


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
        (f"{PLANS}?status=active", "system/*.rs", f"{PLANS}?status=active"),
        (f"{PLANS}?status=active", PLANS, f"{PLANS}?status=active"),
        (f"{PLANS}?status=active {PLANS}", "system/*.r", "system/CarePlan.r"),
        (f"{PLANS}?status=a", f"{PLANS}?category=x|b", f"{PLANS}?category=x|b&status=a"),
        (f"{PLANS}?status=a {PLANS}?status=b", f"{PLANS}?status=a", f"{PLANS}?status=a"),
        (f"{PLANS}?status=a system/CarePlan.r", f"{PLANS}", "system/CarePlan.r system/CarePlan.s?status=a"),
        (f"{PLANS}?identifier=a%20b%26%3F", "system/*.s", "system/CarePlan.s?identifier=a+b%26%3F"),
    ],
)
def test_what_is_granted_is_what_both_allow(asked, had, granted):
    both = parse(asked) & parse(had)
    assert str(both) == str(parse(had) & parse(asked)) == granted
    assert not granted or parse(granted) == both == both & parse(had)


def test_what_is_written_is_read_as_the_same():
    grant = parse("system/CarePlan.cruds system/*.rs casebridge/erase casebridge/documents")
    assert parse(str(grant)) == Grant(grant.rights, parse("system/*.rs system/CarePlan.cud").interactions)
    assert str(grant) == "system/*.rs system/CarePlan.cud casebridge/documents casebridge/erase"


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_kind_may_ask_for_its_rights_and_no_other(kind):
    assert at_most(Partner("x", kind)).all_rights() == RIGHTS[kind]


def test_a_partner_may_update_what_its_entry_lets_it_write():
    partner = Partner("x", "insurer", writes=("CareTeam",))
    assert str(at_most(partner)) == "system/*.rs system/CareTeam.u system/Subscription.cud"
    assert at_most(partner).allows("CareTeam", "u")
    assert not at_most(partner).allows("CarePlan", "u")


def test_an_entry_narrows_what_its_kind_may_ask_for_and_never_widens_it():
    scopes = Credentials(scopes="system/CarePlan.cruds casebridge/erase")
    assert str(at_most(Partner("x", "insurer", credentials=scopes))) == "system/CarePlan.rs"
