"""Golden pairs: what goes into the mappings and what comes out, to the letter, and valid R4."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from shutil import copytree

import pytest

from service.mapping.author import golden
from service.mapping.catalogue import load
from service.mapping.language.localise import interpreter
from service.mapping.layers.stack import overlays
from service.settings import Settings
from service.wire.contracts.published.json_schemas import links, sources
from service.wire.fhir.check.validate import validate
from service.wire.fhir.definitions import profiles
from service.wiring import compiled

MAPPINGS = Path(__file__).parents[2] / "mappings"
PAIRS = golden.pairs(MAPPINGS)
LANGUAGES = ("da", "sv", "fi", "de", "ru")
# what a case owns; everything else that it refers to stands in other documents
CASE_OWNED = {
    "EpisodeOfCare", "CareTeam", "CarePlan", "Goal", "ServiceRequest", "Appointment", "CommunicationRequest",
    "Communication", "Condition", "Observation", "MedicationStatement", "Encounter", "ClaimResponse",
    "DocumentReference",
}  # fmt: skip


def nodes(value) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(below)


@cache
def catalogue(overlays=()):
    return load(MAPPINGS, sources=sources(), links=links(), overlays=overlays, profiles=profiles)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_source_makes_exactly_its_golden_resources_and_they_are_valid(pair):
    (result,) = golden.run([pair], catalogue, validate)
    assert (result.differences, result.issues) == ((), ())
    assert result.resources


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_coding_says_its_system(pair):
    for resource in pair.expected:
        codings = [coding for node in nodes(resource) for coding in node.get("coding", ())]
        assert [coding for coding in codings if "system" not in coding] == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_withdrawn_golden_resources_are_valid(pair):
    for resource in pair.expected:
        assert validate(catalogue(pair.overlays).withdrawn_resource(resource)) == []


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair.source == "case"], ids=lambda pair: pair.name
)
def test_what_a_case_refers_to_in_itself_is_there(pair):
    resources = pair.expected
    there = [f"{resource['resourceType']}/{resource['id']}" for resource in resources]
    assert len(set(there)) == len(there)
    references = {node["reference"] for node in nodes(resources) if isinstance(node.get("reference"), str)}
    own = {
        reference
        for reference in references
        if reference.partition("/")[0] in CASE_OWNED and "_history" not in reference
    }
    assert own - set(there) == set()


@pytest.mark.parametrize("name", ["case", *(f"{overlay}/case" for overlay in overlays(MAPPINGS))])
def test_a_plan_stands_in_every_language(name):
    (pair,) = [pair for pair in PAIRS if pair.name == name]
    assert set(pair.translated_resources) == set(LANGUAGES)
    for language, resources in pair.translated_resources.items():
        assert "CarePlan" in {resource["resourceType"] for resource in resources}
        assert {resource["language"] for resource in resources} == {language}


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair.translated_resources], ids=lambda pair: pair.name
)
def test_a_pair_that_stands_in_another_language_stands_in_all(pair):
    assert set(pair.translated_resources) == set(LANGUAGES)


def test_every_mapping_has_a_pair():
    runs = [(catalogue().projector(pair.source), pair.roots) for pair in PAIRS if not pair.overlays]
    used = {result.mapping for projector, roots in runs for result in projector.run(roots)}
    assert {mapping.name for mapping in catalogue().mappings} - used == set()


SENT = [
    "cancelled-stay-of-fhir",
    "discharge-of-fhir",
    "discharge-of-hl7v2",
    "merge-of-hl7v2",
    "much-of-hl7v2",
    "person-of-hl7v2",
    "update-of-hl7v2",
]


def test_what_is_sent_makes_exactly_its_golden_discharges_and_they_can_be_used():
    results = list(compiled.golden_results(Settings.from_env({}), SENT))
    assert {result.pair.name: (result.differences, result.issues) for result in results} == dict.fromkeys(
        SENT, ((), ())
    )
    assert sorted(path.parent.name for path in MAPPINGS.glob("golden/**/sent.*")) == SENT
    run = {
        mapping.name
        for mapping in compiled.inbound(Settings.from_env({})).mappings
        if mapping.target == "Discharge"
    }
    assert run == {f"discharge-of-{name.rpartition('-of-')[2]}" for name in SENT}


def bare(resource):
    """A resource without what only says which language it is in."""
    text = json.dumps({**resource, "language": ""}, default=str, sort_keys=True)
    return re.sub(r' (?:xml:)?lang=\\"\w+\\"', "", text)


@pytest.mark.parametrize("stack", [(), *((overlay,) for overlay in overlays(MAPPINGS))], ids="+".join)
def test_whatever_has_words_has_a_golden_resource_in_every_language(stack):
    """Of each type that a stack of overlays makes with words of ours in it."""
    words = interpreter(catalogue(stack).terminology, catalogue(stack).words)
    pairs = [pair for pair in PAIRS if pair.overlays == stack]
    spoken = {
        (resource["resourceType"], language)
        for pair in pairs
        for resource in pair.expected
        for language in LANGUAGES
        if bare(words.tell(resource, language)) != bare(resource)
    }
    golden_ones = {
        (resource["resourceType"], language)
        for pair in pairs
        for language, resources in pair.translated_resources.items()
        for resource in resources
    }
    assert spoken
    assert spoken - golden_ones == set()


@pytest.mark.parametrize("source", sources())
def test_every_member_of_every_contract_reaches_a_resource(source):
    # policy hears what a client denies; nobody is told of it
    unread = [path for path in catalogue().unread_paths(source) if not path.startswith("client.consents.")]
    assert unread == []


def test_every_extension_of_our_own_is_on_the_language_page():
    names = {
        name
        for path in MAPPINGS.glob("o*/**/*.yaml")
        for name in re.findall(r"casebridge\.org/fhir/StructureDefinition/([\w-]+)", path.read_text("utf-8"))
    }
    page = (MAPPINGS / "README.md").read_text("utf-8").partition("## Extensions of our own")[2]
    assert set(re.findall(r"^\| `([\w-]+)` \|", page.partition("\n## ")[0], re.MULTILINE)) == names


def test_every_mapping_but_provenance_says_how_it_is_withdrawn():
    assert {mapping.target for mapping in catalogue().mappings if not mapping.withdraw} == {"Provenance"}


@pytest.mark.parametrize("name", ["client-protected", "case-protected-and-closed"])
def test_whereabouts_of_a_protected_client_are_in_nothing(name):
    (pair,) = golden.chosen(PAIRS, [name])
    resources = pair.expected
    keys = {key for node in nodes(resources) for key in node}
    assert keys & {"address", "telecom", "locationReference"} == set()
    references = {node["reference"] for node in nodes(resources) if isinstance(node.get("reference"), str)}
    assert not [reference for reference in references if reference.startswith("Location/")]


US_CORE = profiles.profiles()
SUPPORTED = [(url, element) for url, profile in US_CORE.items() for element in profile.supported]
PLAN = "{coding: [{system: 'http://terminology.hl7.org/CodeSystem/coverage-class', code: plan}]}"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/condition-category"
PROBLEM = f"{{coding: [{{system: '{CATEGORIES}', code: problem-list-item}}]}}"
# of two elements US Core wants one supported; a case has the other
OTHERWISE = {"Condition.extension:assertedDate", "Encounter.reasonReference"}


def below(values, element, profile):
    """What stands in resources at the id of an element."""
    names = element.split(".")
    for count, name in enumerate(names[1:], start=2):
        items = [value.get(name.partition(":")[0]) for value in values if isinstance(value, dict)]
        values = [
            one for item in items for one in (item if isinstance(item, list) else [item]) if one is not None
        ]
        if held := profile.slice_patterns.get(".".join(names[:count])):
            values = [value for value in values if any(holds(value, pattern) for pattern in held)]
    return values


def holds(value, pattern):
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(holds(value.get(key), below) for key, below in pattern.items())
    if isinstance(pattern, list):
        return any(holds(item, pattern[0]) for item in value or ())
    return value == pattern


def test_the_us_core_overlay_can_make_all_that_its_profiles_want_supported():
    assert catalogue(("us-core",)).unclaimed == dict.fromkeys(US_CORE, ())


@pytest.mark.parametrize(("url", "element"), SUPPORTED, ids=[element for _, element in SUPPORTED])
def test_each_element_that_us_core_wants_supported_is_filled_in_a_golden_resource_that_claims_it(
    url, element
):
    resources = [resource for pair in golden.chosen(PAIRS, ["us-core"]) for resource in pair.expected]
    claiming = [resource for resource in resources if url in resource.get("meta", {}).get("profile", ())]
    assert bool(below(claiming, element, US_CORE[url])) == (element not in OTHERWISE)


@pytest.mark.parametrize(
    ("target", "taken", "wanted"),
    [
        (
            "Patient",
            "telecom: null",
            {"Patient.telecom.system", "Patient.telecom.value", "Patient.telecom.use"},
        ),
        ("Patient", "name: {$make: {given: null}}", {"Patient.name.given"}),
        ("Patient", "communication: null", {"Patient.communication.language"}),
        ("Encounter", "participant: {$make: {period: null}}", {"Encounter.participant.period"}),
        ("Encounter", "reasonCode: null", {"Encounter.reasonCode or Encounter.reasonReference"}),
        ("Encounter", "location: null", set()),
        ("Encounter", "serviceProvider: null", set()),
        (
            "Coverage",
            "identifier: [{value: '{{ coverage.member_id }}'}]",
            {"Coverage.identifier:memberid", "Coverage.identifier:memberid.type"},
        ),
        (
            "Coverage",
            f"class: [{{type: {PLAN}, value: '{{{{ coverage.plan.number }}}}', name: x}}]",
            {"Coverage.class:group", "Coverage.class:group.value", "Coverage.class:group.name"},
        ),
        ("Condition", "onsetDateTime: null", {"Condition.extension:assertedDate or Condition.onsetDateTime"}),
        ("Condition", "recordedDate: null", {"Condition.recordedDate"}),
        ("Condition", f"category: [{PROBLEM}]", {"Condition.category:screening-assessment"}),
        ("Goal", "startDate: null", set()),
        ("Goal", "target: null", {"Goal.target"}),
        ("CarePlan", "text: null", {"CarePlan.text", "CarePlan.text.status", "CarePlan.text.div"}),
        ("CareTeam", "status: null", {"CareTeam.status"}),
    ],
)
def test_a_partner_whose_overlay_takes_an_element_away_loses_the_claim_of_that_type_alone(
    target, taken, wanted, tmp_path
):
    copytree(MAPPINGS, tmp_path, dirs_exist_ok=True)
    overlay = tmp_path / f"overlays/partner/outbound/{target}.yaml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(f"extends: {target}\nmake:\n  {taken}\n", encoding="utf-8")
    stack = ("us-core", "partner")
    compiled = load(tmp_path, sources=sources(), links=links(), overlays=stack, profiles=profiles)
    missing = {
        missing_element.element: missing_element.mark
        for missing_element in chain.from_iterable(compiled.unclaimed.values())
    }
    assert set(missing) == wanted
    assert {place.file for place in missing.values()} <= {f"overlays/partner/outbound/{target}.yaml"}
    assert {place.line for place in missing.values()} <= {3}
    held = {url for url, profile in US_CORE.items() if wanted and profile.type == target}
    claimed = {url for mapping in compiled.mappings for url in mapping.claims}
    assert claimed == set(US_CORE) - held
    for pair in golden.chosen(PAIRS, ["us-core/case", "us-core/client"]):
        for made in compiled.projector(pair.source).run(pair.roots):
            stated = set(made.resource.get("meta", {}).get("profile", ()))
            assert stated & held == set()
            assert stated == {url for url in US_CORE if not profiles.misses(url, made.resource)} - held


def test_each_us_core_profile_is_claimed_by_what_meets_it_and_not_by_what_does_not():
    claimed, unclaimed = set(), set()
    for pair in golden.chosen(PAIRS, ["us-core"]):
        for resource in pair.expected:
            stated = set(resource.get("meta", {}).get("profile", ()))
            meets = {url for url in profiles.profiles() if not profiles.misses(url, resource)}
            assert stated == meets
            claimed |= stated
            unclaimed |= {resource["resourceType"]} if not stated else set()
    assert claimed == set(profiles.profiles())
    assert {"Patient", "Coverage", "CareTeam"} <= unclaimed


def test_the_minimum_necessary_overlay_sends_no_ways_to_reach_people_no_addresses_and_no_notes():
    resources = [
        resource for pair in golden.chosen(PAIRS, ["minimum-necessary"]) for resource in pair.expected
    ]
    keys = {key for node in nodes(resources) for key in node}
    assert keys & {"telecom", "address", "note", "payload", "component"} == set()
    plans = [resource for resource in resources if resource["resourceType"] == "CarePlan"]
    assert plans
    assert not [plan for plan in plans if "text" in plan or "description" in plan]


@pytest.mark.parametrize("overlay", overlays(MAPPINGS))
def test_each_overlay_has_pairs_for_what_it_changes(overlay):
    plain, over = catalogue(), catalogue((overlay,))
    seen = set()
    for pair in golden.chosen(PAIRS, [overlay]):
        before, after = (list(one.projector(pair.source).run(pair.roots)) for one in (plain, over))
        known = {(result.target, result.resource["id"]): result.resource for result in before}
        seen |= {
            result.mapping
            for result in after
            if known[result.target, result.resource["id"]] != result.resource
        }
    changed = {mapping.name for mapping in over.mappings if mapping.file.startswith("overlays/")}
    assert changed == seen
