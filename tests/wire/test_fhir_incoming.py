"""What is sent of a stay is put in order before mappings read it."""

import pytest

from service.wire.fhir.sent.incoming import stays


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-02-27T15:00:00+02:00", "2026-02-27T14:00:00Z"),
        ("2026-02-27T23:30:00Z", "2026-02-27T22:45:00-01:00"),
        ("2026-02-27T15:00:00Z", "2026-02-27T15:00:00.001Z"),
        ("2026-02-27", "2026-02-27T00:00:00Z"),
        ("", "1970-01-01T00:00:00Z"),
    ],
)
def test_provenances_are_newest_first_by_instant_and_not_by_text(earlier, later):
    stay = {"resourceType": "Encounter", "id": "e"}
    target = [{"reference": "Encounter/e"}]
    provenances = [
        {"resourceType": "Provenance", "recorded": at, "target": target} for at in (earlier, later)
    ]
    for order in (provenances, provenances[::-1]):
        sent = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in (stay, *order)]}
        (root,) = stays(sent)
        assert [provenance["recorded"] for provenance in root["provenances"]] == [later, earlier]
