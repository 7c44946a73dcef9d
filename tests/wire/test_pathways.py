"""Pathways and the calendar beside them are read strictly."""

import pytest

from service.errors import Misconfigured
from service.wire.contracts import pathways

CALL = "services:\n  - {id: call, kind: phone-check-in, within: 2 working days}\n"


def test_pathways_know_the_holidays_that_stand_beside_them(tmp_path):
    (tmp_path / "everybody.yaml").write_text(CALL, encoding="utf-8")
    (tmp_path / "holidays.yaml").write_text("holidays: [2026-04-03, 12-25]\n", encoding="utf-8")
    (pathway,) = pathways.load(tmp_path)
    assert (pathway.name, pathway.services[0].days, pathway.services[0].working) == ("everybody", 2, True)
    assert pathway.holidays == {"2026-04-03", "12-25"}


def test_without_a_calendar_there_are_no_holidays_and_without_a_folder_no_pathways(tmp_path):
    (tmp_path / "everybody.yaml").write_text(CALL, encoding="utf-8")
    assert pathways.load(tmp_path)[0].holidays == frozenset()
    assert pathways.load(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("file", "text", "complaint", "column"),
    [
        ("holidays", "holidays: [Christmas]", "/holidays/0: Write 2026-12-25, or 12-25 for every year.", 12),
        ("holidays", "holidays: [02-30]", "/holidays/0: Write 2026-12-25, or 12-25 for every year.", 12),
        ("holidays", "days: []", "/days: ", 1),
        (
            "everybody",
            "services: [{id: call, kind: phone-check-in, within: soon}]",
            "/services/0/within: ",
            45,
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, file, text, complaint, column):
    path = tmp_path / f"{file}.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as raised:
        pathways.load(tmp_path)
    assert any(
        issue.what.startswith(complaint) and issue.where == f"{path}:1:{column}"
        for issue in raised.value.issues
    )
