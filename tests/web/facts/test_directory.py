"""Who hospitals name by an identifier stands in the directory as they were named last."""

from itertools import permutations

import pytest

from service.values.ids import resource_id
from tests.web.sent import Mercy, a03

DOCTOR = {"system": "urn:example:doctors", "value": "D-1"}


def sent(number, *, recorded, family, visit="V-1"):
    """A discharge whose attending doctor is named by an identifier."""
    doctor = f"D-1^{family}^Dora^^^^^^&urn:example:doctors&URI"
    raw = a03(f"MSG-{number}", visit=visit).decode()
    raw = raw.replace("W^1^1||||", f"W^1^1||||{doctor}", 1).replace("20260227150000+0000", recorded)
    return raw.encode()


def names(house):
    """What the doctors of a hospital's stays are called, in the directory and as FHIR."""
    families = set()
    for case in house.get("/api/cases", partner=None).json["items"]:
        for stay in house.get(f"/api/cases/{case['uuid']}", partner=None).json["received"]["stays"]:
            (uuid,) = (participant["practitioner"] for participant in stay["participants"])
            (entry,) = house.get(f"/api/directory/practitioner/{uuid}", partner=None).json["names"]
            path = f"/fhir/Practitioner/{resource_id(uuid, 'Practitioner', '')}"
            assert house.get(path, partner=None).json["name"][0]["family"] == entry["family"]
            families.add(entry["family"])
    return sorted(families)


SAID = (
    ("20260225150000+0000", "First"),
    ("20260227160000+0000", "Last"),
    ("20260226150000+0000", "Between"),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_name_that_was_said_last_stands_in_whatever_order_it_came(mercy, order):
    for number in order:
        recorded, family = SAID[number]
        raw = sent(number, recorded=recorded, family=family, visit=f"V-{number}")
        assert b"|AA|" in mercy.hl7v2(raw).data
    assert names(mercy.house) == ["Last"]


def test_what_was_said_again_since_is_not_undone_by_what_is_late(mercy):
    for number, (day, family) in enumerate((("20", "A"), ("25", "A"), ("22", "B"))):
        raw = sent(number, recorded=f"202602{day}150000+0000", family=family)
        assert mercy.hl7v2(raw).status_code == 200
    assert names(mercy.house) == ["A"]


def test_an_entry_of_a_case_system_stays_as_its_owner_has_it(mercy):
    own = {"identifiers": [DOCTOR], "names": [{"family": "Own"}]}
    assert mercy.house.put("/api/directory/practitioner/dora", own).status_code == 201
    for number, (recorded, family) in enumerate(SAID):
        assert mercy.hl7v2(sent(number, recorded=recorded, family=family)).status_code == 200
    assert names(mercy.house) == ["Own"]


def test_another_hospitals_word_does_not_rename_who_a_hospital_named(mercy):
    lakeside = Mercy(mercy.house, "lakeside")
    (early, first), (late, last), _ = SAID
    assert mercy.hl7v2(sent(1, recorded=early, family=first)).status_code == 200
    assert lakeside.hl7v2(sent(2, recorded=late, family=last, visit="V-9")).status_code == 200
    assert names(mercy.house) == [first]
