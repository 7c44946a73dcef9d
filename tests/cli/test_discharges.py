"""The interface engineer's terminal: what a feed has that nobody reads."""

import shutil

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.flows.discharge.unused import NOT_USED
from tests.cli.test_quarantine import quarantine, receive, settings

__all__ = ["settings"]
MESSAGE = """MSH|^~\\&|HIS|GENERAL|||20260227150000+0100||ADT^A03|{number}|P|2.5\r
PID|||{person}||Rider^River|Secret\r
PV1||I|||||||||||||||||V-{number}^^^VISITS|||||||||||||||||||||||||20260220|20260227\r
{more}"""


def fields(*words, code=0):
    done = CliRunner().invoke(cli, ["discharges", "fields", *words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def inbox(settings):
    """Three discharges, one of nobody, and one that cannot be read."""
    for number, person, more in (
        ("M-1", "R-1^^^PERSONS^MR", "AL1|1||Secret\r"),
        ("M-2", "R-2^^^PERSONS^MR", ""),
        ("M-3", "", ""),
        ("M-4", "R-4^^^PERSONS^MR", "DG1|1||A^Secret^I10||||||Secret\rDG1|2||B^Secret^I10|||W\r"),
    ):
        sent = MESSAGE.format(number=number, person=person, more=more)
        receive(settings, sent.encode(), number)


def test_fields_that_nothing_reads_are_counted_by_partner_without_what_they_say(inbox):
    done = fields()
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["general", "hl7v2", "PID-6", "4", "of", "4"],
        ["general", "hl7v2", "AL1", "1", "of", "4"],
        ["general", "hl7v2", "DG1-9", "1", "of", "4"],
    ]
    assert "Secret" not in done.output
    assert done.stderr == "4 messages read\n"


def test_what_is_not_used_stands_with_the_entry(inbox):
    (first, *_) = quarantine("list", "--state", "accepted").splitlines()
    shown = quarantine("show", first.split()[0])
    assert f"PID-6: {NOT_USED}" in shown
    assert f"AL1: {NOT_USED}" in shown
    assert "Secret" not in shown


def test_partner_and_day_choose(inbox):
    assert fields("--partner", "other").stdout == ""
    assert fields("--since", "2999-01-01").stdout == ""
    assert fields("--since", "2000-01-01", "--partner", "general").stdout == fields().stdout


def test_the_mappings_of_today_decide(inbox, settings, tmp_path, monkeypatch):
    """What an overlay reads is no longer among them."""
    folder = shutil.copytree(settings.mappings, tmp_path / "mappings")
    added = folder / "overlays" / "maiden" / "inbound"
    added.mkdir(parents=True)
    (added / "maiden.yaml").write_text(
        'extends: discharge-of-hl7v2\nmake:\n  stay: {destination: "{{ message.PID.f6.c1 }}"}\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("CASEBRIDGE_MAPPINGS", str(folder))
    monkeypatch.setenv("CASEBRIDGE_OVERLAYS", "maiden")
    assert [line.split()[2] for line in fields().stdout.splitlines()] == ["AL1", "DG1-9"]
