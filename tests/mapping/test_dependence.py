"""Which mappings may make something else when paths of their source have changed."""

import pytest

from service.mapping.catalogue import load
from service.wire.contracts.published.json_schemas import links, sources


@pytest.mark.parametrize(
    ("changed", "targets"),
    [
        ("case.plan.goals", {"CarePlan", "Goal"}),
        ("case.plan.title", {"CarePlan"}),
        ("case.status", {"CareTeam", "EpisodeOfCare"}),
        ("case.status_history", {"EpisodeOfCare"}),
        ("case.closure.date", {"EpisodeOfCare"}),
        ("case.closure", {"EpisodeOfCare"}),
        ("case.stays", {"Encounter"}),
        ("case.assessments", {"CarePlan", "Observation"}),
        ("revision", {"Provenance"}),
        ("case.nothing", set()),
    ],
)
def test_a_change_touches_the_types_that_read_it(mappings, changed, targets):
    projector = mappings["default"].projector("case")
    assert projector.touched([changed]).targets == targets


def test_several_changes_touch_what_each_of_them_does(mappings):
    projector = mappings["default"].projector("case")
    assert projector.touched(["case.stays", "case.team"]).targets == {"CareTeam", "Encounter"}
    assert projector.touched([]).targets == set()


def test_a_plan_that_comes_or_goes_touches_all_that_read_a_part_of_it(mappings):
    projector = mappings["default"].projector("case")
    assert {"Appointment", "CarePlan", "Goal", "ServiceRequest"} <= projector.touched(["case.plan"]).targets


EACH = "each: service in case.plan.services\n"
LOOP = f"{EACH}make: {{a: {{$each: goal in service.goals, $make: "
# what is read of goals, some of it through the link of a service, and whether a change of goals touches it
READ = {
    f"{LOOP}'{{{{ goal.description }}}}'}}}}": True,
    f"{LOOP}x, $if: '{{{{ goal.status == \"active\" }}}}'}}}}": True,
    f"{LOOP}'{{{{ goal.id }}}}'}}}}": False,
    f"{LOOP}'{{{{ goal | id(\"T\") }}}}'}}}}": False,
    f"{EACH}make: {{a: '{{{{ service.goals }}}}'}}": True,
    f"{EACH}make: {{a: '{{{{ service.goals | first | id(\"T\") }}}}'}}": False,
    f"{EACH}let: {{one: '{{{{ service.goals | first }}}}'}}\nmake: {{a: '{{{{ one.description }}}}'}}": True,
    "make: {a: '{{ case.plan.title }}'}": False,
    "make: {a: '{{ case.plan is present }}'}": True,
    "when: '{{ case.plan.goals }}'\nmake: {a: x}": True,
    "let: {aims: '{{ case.plan.goals }}'}\nmake: {a: {$each: aim in aims, $make: '{{ aim.start }}'}}": True,
    "let: {unused: '{{ case.plan.goals }}'}\nmake: {a: '{{ case.status }}'}": False,
}


@pytest.mark.parametrize("body", READ)
def test_what_is_read_through_a_link_to_a_part_depends_on_the_part(write, body):
    folder = write("outbound/T.yaml", f"map: T\nfrom: case\n{body}\n")
    projector = load(folder, sources=sources(), links=links()).projector("case")
    assert bool(projector.touched(["case.plan.goals"]).targets) == READ[body]


def test_all_mappings_of_a_type_are_made_again_together(write):
    write("outbound/One.yaml", "map: T\nname: one\nfrom: case\nmake: {a: '{{ case.status }}'}\n")
    folder = write("outbound/Two.yaml", "map: T\nname: two\nfrom: case\nmake: {a: '{{ case.care_model }}'}\n")
    projector = load(folder, sources=sources(), links=links()).projector("case")
    assert projector.touched(["case.status"]).names == ("one", "two")
    assert projector.touched(["case.team"]).names == ()


def test_a_mapping_whose_schema_does_not_show_all_depends_on_anything(catalogue):
    projector = catalogue("map: T\nfrom: case\nmake: {a: '{{ case.kind }}'}\n").projector("case")
    assert projector.touched(["case.note"]).targets == {"T"}
