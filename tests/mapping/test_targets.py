"""What a mapping makes is checked at load: nothing misspelt starts, and nothing misspelt is removed."""

import pytest

from service.wire.fhir.sent.json_schema import resources

GOOD = """
map: CarePlan
from: case
withdraw: {status: entered-in-error, title: null}
make:
  resourceType: CarePlan
  id: "{{ case | id('CarePlan') }}"
  status: active
  intent: plan
  title: "{{ case.plan.title }}"
  _created: {extension: [{url: urn:why, valueCode: unknown}]}
  period: {start: "{{ case.period.start }}"}
  category:
    - text: home
  goal:
    $each: goal in case.plan.goals
    $make: {reference: "{{ goal.id }}"}
"""
OVER = "overlays/over/outbound/CarePlan.yaml"


def test_what_r4_has_is_taken(catalogue):
    assert catalogue(GOOD, makes=resources())


@pytest.mark.parametrize(
    ("right", "wrong", "place", "message"),
    [
        ("  title: ", "  titel: ", "10:3", "`CarePlan` has no `titel`; did you mean `title`?"),
        ("{start: ", "{strat: ", "12:12", "`CarePlan.period` has no `strat`; did you mean `start`?"),
        (
            "{reference: ",
            "{refrence: ",
            "17:13",
            "`CarePlan.goal` has no `refrence`; did you mean `reference`?",
        ),
        (
            "intent: plan",
            "intent: plann",
            "9:11",
            "`CarePlan.intent` has no code `plann`; did you mean `plan`?",
        ),
        ("status: e", "statuss: e", "4:12", "`CarePlan` has no `statuss`; did you mean `status`?"),
        ("entered-in-error", "gone", "4:20", "`CarePlan.status` has no code `gone`; did you mean"),
        ("status: active", "status: {a: b}", "8:11", "`CarePlan.status` is a text, this is an object"),
        (
            "    - text: home",
            "    text: home",
            "14:5",
            "`CarePlan.category` is a list; put `- ` before its items",
        ),
        ("    - text: home", "    - home", "14:7", "`CarePlan.category` is an object, this is a text"),
        ("status: active", "description: 5", "8:16", "`CarePlan.description` is a text, this is a number"),
        ("status: active", "description: [a]", "8:16", "`CarePlan.description` is a text, this is a list"),
        ("_created", "_period", "11:3", "`CarePlan` has no `_period`; did you mean `period`?"),
        ("map: CarePlan", "map: CarPlan", "2:6", "no mapping makes a `CarPlan`; did you mean `CarePlan`?"),
        ("  resourceType: CarePlan", "  resourceType: Goal", "6:17", "this mapping makes `CarePlan`"),
        ("  resourceType: CarePlan\n", "", "6:3", "`resourceType` is missing here"),
        ("  id: \"{{ case | id('CarePlan') }}\"\n", "", "6:3", "`id` is missing here"),
    ],
)
def test_what_r4_has_no_place_for_is_refused_at_its_place(mistakes, right, wrong, place, message):
    assert right in GOOD
    issues = mistakes(GOOD.replace(right, wrong, 1), makes=resources())
    assert [where for where, _ in issues] == [f"outbound/T.yaml:{place}"]
    assert message in issues[0][1]


@pytest.mark.parametrize(
    ("said", "place", "message"),
    [
        ("make: {titel: null}", "2:8", "`CarePlan` has no `titel`; did you mean `title`?"),
        ("make: {period: {strat: null}}", "2:17", "`CarePlan.period` has no `strat`"),
        (
            "make: {category: {$add: [{txt: b}]}}",
            "2:27",
            "`CarePlan.category` has no `txt`; did you mean `text`?",
        ),
        ("make: {goal: {$make: {display: x, typ: null}}}", "2:35", "`CarePlan.goal` has no `typ`"),
        ("withdraw: {stauts: null}", "2:12", "`CarePlan` has no `stauts`; did you mean `status`?"),
    ],
)
def test_an_overlay_that_misspells_what_it_removes_is_refused(write, mistakes, said, place, message):
    write(OVER, f"extends: CarePlan\n{said}\n")
    ((where, what),) = mistakes(GOOD, overlays=["over"], makes=resources())
    assert where == f"{OVER}:{place}"
    assert message in what


def test_an_overlay_may_remove_what_one_below_it_removed(write, catalogue):
    for name in ("over", "under"):
        write(f"overlays/{name}/outbound/CarePlan.yaml", "extends: CarePlan\nmake: {title: null}\n")
    assert catalogue(GOOD, overlays=["under", "over"], makes=resources())


@pytest.mark.parametrize(
    ("filtered", "meant"),
    [("id('CarPlan')", "CarePlan"), ("reference('CarPlan')", "CarePlan"), ("reference('Device')", "")],
)
def test_what_refers_to_a_resource_that_nothing_makes_is_refused(mistakes, filtered, meant):
    text = GOOD.replace('reference: "{{ goal.id }}"', f'reference: "{{{{ goal | {filtered} }}}}"')
    ((place, what),) = mistakes(text, makes=resources())
    assert place.startswith("outbound/T.yaml:17:")
    assert what.startswith("nothing makes `")
    assert (f"did you mean `{meant}`?" in what) if meant else ("add its mapping" in what)


MAP = """
resourceType: ConceptMap
url: urn:example:map
group:
  - target: http://hl7.org/fhir/request-status
    element:
      - {code: open, target: [{code: active, equivalence: equivalent}]}
      - {code: closed, target: [{code: completed, equivalence: equivalent}]}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "place", "message"),
    [
        ("completed", "complete", "8:9", "gives for `closed`; did you mean `completed`?"),
        (
            "- {code: closed, target: [{code: completed, equivalence: equivalent}]}",
            "\n    unmapped: {mode: fixed, code: complete}",
            "9:15",
            "gives for `closed`; did you mean `completed`?",
        ),
    ],
)
def test_a_concept_map_that_gives_a_code_the_target_does_not_have_is_refused(
    write, catalogue, mistakes, right, wrong, place, message
):
    mapped = GOOD.replace("status: active", "status: \"{{ case.status | concept('map') }}\"")
    write("concepts/map.yaml", MAP)
    assert catalogue(mapped, makes=resources())
    write("concepts/map.yaml", MAP.replace(right, wrong))
    ((where, what),) = mistakes(mapped, makes=resources())
    assert where == f"concepts/map.yaml:{place}"
    assert f"`CarePlan.status` has no code `complete`, which `map` {message}" in what


def test_what_an_open_source_can_be_given_by_a_concept_map_is_looked_at_too(write, mistakes):
    write("concepts/map.yaml", MAP.replace("completed", "complete"))
    mapped = GOOD.replace("status: active", "status: \"{{ case.kind | concept('map') }}\"")
    ((where, what),) = mistakes(mapped, makes=resources())
    assert where == "concepts/map.yaml:8:9"
    assert "did you mean `completed`?" in what
