"""The registry is read strictly; policy gives each kind its part."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from service.access.intake import amqp_senders
from service.access.policy import LOCAL, allows, scope
from service.access.registry import load, views
from service.errors import Misconfigured
from service.values.access.scope import Partner
from service.values.inbound.intake import IntakeSettings

QUEUE = "partners: [{{name: e, kind: engineer, queues: [{{name: q, bindings: [{{pattern: '#'}}], {}}}]}}]"


def written(tmp_path, text):
    path = tmp_path / "partners.yaml"
    path.write_text(text)
    return path


def test_without_a_registry_there_is_the_local_operator():
    assert load(None) == {"local": replace(LOCAL, near=frozenset({"local"}), common=("local",))}


def test_a_partner_is_read_with_its_queues(tmp_path):
    text = "partners: [{name: e, kind: engineer, queues: [{name: q, bindings: [{pattern: 'careplan.*'}]}]}]"
    partner = load(written(tmp_path, text))["e"]
    assert partner.queues[0].bindings[0].pattern == "careplan.*"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("partners: [{name: a}]", "kind"),
        ("partners: [{name: a, kind: bogus}]", "kind"),
        ("partners: [{name: a, kind: insurer, colour: red}]", "colour"),
        ("partners: [{name: a, kind: insurer, view: other}]", "view"),
        ("views: {lean: []}\npartners: [{name: a, kind: insurer, view: laen}]", "known are default, lean"),
        ("views: {default: [x]}\npartners: []", "CASEBRIDGE_OVERLAYS"),
        ("views: {Lean: []}\npartners: []", "Lean"),
        ("views: {lean: x}\npartners: []", "lean"),
        ("partners: [{name: a, kind: insurer}, {name: a, kind: insurer}]", "named a"),
        ("partners:\n- {name: a\n", "yaml:3:1"),
        ("x", "/: An object stands here."),
        (
            "partners: [{name: a, kind: insurer, identifiers: [x]}]",
            "/partners/0/identifiers/0: An object with `system` and `value` stands here.",
        ),
        (QUEUE.format("queue_type: classic"), "queue_type"),
        (QUEUE.format("max_age: 7D"), "queue_type: stream"),
        (QUEUE.format("depth_limit: 0"), "depth_limit"),
        (QUEUE.format("targeted_groups: []"), "targeted_groups"),
        (QUEUE.format("targeted_groups: [young]"), "brain-injury"),
        (QUEUE.format("queue_type: stream, depth_limit: 9"), "limited by max_age"),
        (QUEUE.format("queue_type: stream, max_age: a week"), "Write e.g. 7D"),
        (QUEUE.format("queue_type: stream, max_bytes: 1000"), "max_bytes"),
        (QUEUE.format(f"queue_type: stream, max_bytes: {2**63}"), "max_bytes"),
        (QUEUE.format("queue_type: stream").replace("'#'", "'#', full_resource: true"), "what is erased"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    with pytest.raises(Misconfigured) as caught:
        load(written(tmp_path, text))
    words = (word for issue in caught.value.issues for word in (issue.where, issue.what))
    assert named in " ".join([str(caught.value), *words])


def test_all_that_is_wrong_is_told_in_one_pass(tmp_path):
    text = """
views: {lean: [], default: [x], broken: x}
partners:
  - {name: a, kind: insurer, colour: red}
  - {name: a, kind: bogus, view: laen}
  - text
  - {name: local, kind: insurer, view: lean}
  - {name: b, kind: engineer, view: 7, queues: [{name: q}]}
"""
    path = written(tmp_path, text)
    with pytest.raises(Misconfigured) as caught:
        load(path)
    assert all(issue.where.startswith(f"{path}:") for issue in caught.value.issues)
    assert {issue.what.partition(":")[0] for issue in caught.value.issues} == {
        "/views/default",
        "/views/broken/value",
        "/partners/0/colour",
        "/partners/1/name",
        "/partners/1/kind",
        "/partners/1/view",
        "/partners/2",
        "/partners/3/name",
        "/partners/4/view",
        "/partners/4/queues/0/bindings",
    }


@pytest.mark.parametrize("text", ["[]", "partners: 5", "views: 5\npartners: []", "partners: [{name: [a]}]"])
def test_what_is_no_registry_at_all_is_refused(tmp_path, text):
    with pytest.raises(Misconfigured, match="registry is wrong"):
        load(written(tmp_path, text))


def test_a_view_is_a_named_stack_of_overlays(tmp_path):
    text = "views: {lean: [a, b], idle: [c]}\npartners: [{name: n, kind: insurer, view: lean}]"
    path = written(tmp_path, text)
    assert load(path)["n"].view == scope(load(path)["n"]).view == "lean"
    assert views(path) == {"lean": ("a", "b"), "idle": ("c",)}
    assert views(None) == {}


@pytest.mark.parametrize("kind", ["operator", "case-system", "insurer", "hospital", "engineer"])
def test_each_kind_sees_what_it_may_in_its_view(kind):
    assert scope(Partner("x", kind, view="lean")).view == "lean"


def test_each_kind_has_its_scope():
    assert scope(LOCAL).everything
    assert scope(Partner("e", "engineer")).everything
    assert scope(Partner("cms", "case-system")).source == "cms"
    assert scope(Partner("n", "insurer", identifiers=(("s", "v"),))).payers == (("s", "v"),)
    hospital = scope(Partner("h", "hospital"))
    assert (hospital.everything, hospital.source, hospital.payers) == (False, None, ())


def test_only_the_operator_may_erase():
    kinds = ("operator", "case-system", "insurer", "hospital", "engineer")
    assert [kind for kind in kinds if allows(Partner("x", kind), "erase")] == ["operator"]


CMS = "{name: cms, kind: case-system}"
GENERAL = (
    "{name: general, kind: hospital, intake: {days: 30, kinds: [inpatient], time_zone: Europe/Helsinki}}"
)


def test_a_hospitals_settings_are_read_and_what_is_left_out_has_its_default(tmp_path):
    settings = load(written(tmp_path, f"partners: [{GENERAL}]"))["general"].intake
    assert (settings.days, settings.kinds, settings.time_zone) == (30, ("inpatient",), "Europe/Helsinki")
    assert settings.unknown_person == "create"


@pytest.mark.parametrize(
    "intake",
    [
        "{charset: EBCDIC}",
        "{amqp_users: []}",
        "{senders: [{application: A}]}",
        "{senders: [{addresses: [10.0.0.1]}]}",
        "{senders: [{application: A, certificates: [mercy]}]}",
        "{authorities: [{name: A}]}",
        "{day: 30}",
        "{days: 0}",
        "{kinds: []}",
        "{kinds: [x]}",
        "{time_zone: Mars}",
        "{discharge_time: [PV1]}",
    ],
)
def test_a_hospitals_settings_are_read_strictly(tmp_path, intake):
    with pytest.raises(Misconfigured, match="registry is wrong"):
        load(written(tmp_path, f"partners: [{{name: g, kind: hospital, intake: {intake}}}]"))


def test_a_hospital_offers_what_it_opens_to_the_case_system_it_names_or_to_the_only_one(tmp_path):
    only = load(written(tmp_path, f"partners: [{CMS}, {GENERAL}]"))
    assert scope(only["cms"]).offered == ("general",)
    other = "{name: other, kind: case-system}"
    assert load(written(tmp_path, f"partners: [{CMS}, {other}, {GENERAL}]"))["cms"].offered == ()
    named = "{name: city, kind: hospital, intake: {case_system: other}}"
    both = load(written(tmp_path, f"partners: [{CMS}, {other}, {GENERAL}, {named}]"))
    assert (both["cms"].offered, both["other"].offered) == ((), ("city",))
    with pytest.raises(Misconfigured, match="no case system"):
        load(written(tmp_path, f"partners: [{GENERAL}, {named}]"))


def test_a_hospitals_patients_are_looked_for_first_among_those_of_whom_it_offers_to(tmp_path):
    only = load(written(tmp_path, f"partners: [{CMS}, {GENERAL}]"))
    assert only["general"].near == {"cms", "general"}
    other = "{name: other, kind: case-system}"
    named = "{name: city, kind: hospital, intake: {case_system: other}}"
    both = load(written(tmp_path, f"partners: [{CMS}, {other}, {GENERAL}, {named}]"))
    assert (both["general"].near, both["city"].near) == ({"general"}, {"other", "city"})


def test_who_may_say_whose_numbers_are_is_in_each_partners_part(tmp_path):
    said = 'identifying: [{system: "urn:a", asserted_by: [general]}]'
    partners = load(written(tmp_path, f"{said}\npartners: [{CMS}, {GENERAL}]"))
    assert (scope(partners["cms"]).closed, scope(partners["local"]).closed) == (("urn:a",), ())
    own = load(written(tmp_path, f"{said.replace('general', 'cms')}\npartners: [{CMS}, {GENERAL}]"))
    assert scope(own["cms"]).closed == ()
    assert partners["general"].assertions.allow("general", "urn:a", "urn:b")
    assert not partners["general"].assertions.allow("cms", "urn:b", "urn:a")
    assert partners["general"].assertions.allow("cms", "urn:b")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("[{system: a, asserted_by: [nobody]}]", "/identifying/0/asserted_by: nobody is no partner"),
        (
            "[{system: a, asserted_by: [cms]}, {system: a, asserted_by: [cms]}]",
            "/identifying/1: a stands twice",
        ),
        ("[{system: a, asserted_by: []}]", "/identifying/0/asserted_by"),
        ("[{system: a}]", "/identifying/0/asserted_by"),
        ("[a]", "/identifying/0"),
    ],
)
def test_who_may_say_whose_numbers_are_is_read_strictly(tmp_path, said, named):
    with pytest.raises(Misconfigured) as caught:
        load(written(tmp_path, f"identifying: {said}\npartners: [{CMS}]"))
    assert named in " ".join([str(caught.value), *(issue.what for issue in caught.value.issues)])


def test_a_hospitals_entry_in_the_page_of_partners_is_a_registry(tmp_path):
    page = (Path(__file__).parents[2] / "docs/partners.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(partners:.*?)^```", page, re.DOTALL | re.MULTILINE)
    mercy = load(written(tmp_path, text))["mercy"].intake
    described = set(re.findall(r"^      (\w+):", text, re.MULTILINE))
    assert described == {field.name for field in fields(IntakeSettings)}
    assert mercy.authorities == (("MERCY", "urn:oid:1.2.246.10.1"),)
    assert mercy.senders[1].addresses == ("10.1.0.0/16",)


def test_a_hospital_is_known_by_its_users_at_the_broker(tmp_path):
    mercy = "{name: mercy, kind: hospital, intake: {amqp_users: [a, b]}}"
    partners = load(written(tmp_path, f"partners: [{mercy}]"))
    assert amqp_senders(partners) == {"a": partners["mercy"], "b": partners["mercy"]}
    city = "{name: city, kind: hospital, intake: {amqp_users: [b]}}"
    with pytest.raises(Misconfigured, match="mercy and city have the same"):
        load(written(tmp_path, f"partners: [{mercy}, {city}]"))


def test_a_case_system_is_known_by_its_users_at_the_broker(tmp_path):
    partners = load(
        written(tmp_path, "partners: [{name: cms, kind: case-system, intake: {amqp_users: [c]}}]")
    )
    assert amqp_senders(partners) == {"c": partners["cms"]}


@pytest.mark.parametrize(
    ("kind", "intake"),
    [
        ("insurer", "{amqp_users: [a]}"),
        ("insurer", "{senders: [{application: A, addresses: [127.0.0.1]}]}"),
        ("case-system", "{senders: [{application: A, addresses: [127.0.0.1]}]}"),
    ],
)
def test_only_who_sends_something_that_way_says_how_it_sends(tmp_path, kind, intake):
    with pytest.raises(Misconfigured, match="northern is "):
        load(written(tmp_path, f"partners: [{{name: northern, kind: {kind}, intake: {intake}}}]"))
