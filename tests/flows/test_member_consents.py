"""Whether a consent or an attestation holds for who asks: a table of what is wrong with each, and where."""

import pytest

from service.flows.members.consents import Asker, doubts, objections
from tests.web.members.matching import HREX, PAYERS, attestation, coded, consent, named, provision

TODAY = "2026-06-15"
HELD = {"start": "2026-06-01", "end": "2026-06-30"}
NORTHERN = Asker(frozenset({(PAYERS, "northern"), ("urn:npi", "1")}), sees_sensitive=False)
CLEARED = Asker(NORTHERN.names, sees_sensitive=True, keepers=frozenset({(PAYERS, "agency")}))
CARD = frozenset({(PAYERS, "southern")})


def said(discloser="southern", recipient="northern", **more):
    return consent(provision=provision(discloser, recipient, **{"period": HELD, **more}))


def where(issues):
    assert {issue.code for issue in issues} <= {"business-rule"}
    return [issue.where.removeprefix("Consent.") for issue in issues]


@pytest.mark.parametrize(
    ("sent", "asker", "wrong"),
    [
        (said(), NORTHERN, []),
        (said(period={"start": TODAY, "end": TODAY}), NORTHERN, []),
        (said(period={"start": "2026", "end": "2026"}), NORTHERN, []),
        (said(period={"start": "2026-06-15T08:00:00Z", "end": "2026-06"}), NORTHERN, []),
        (said(period={"start": "2026-06-16", "end": "2026-06-30"}), NORTHERN, ["provision.period"]),
        (said(period={"start": "2026-06-01", "end": "2026-06-14"}), NORTHERN, ["provision.period"]),
        (said(period={"end": "2026-06-30"}), NORTHERN, ["provision.period"]),
        (said(period={"start": "2026-06-01"}), NORTHERN, ["provision.period"]),
        (said("northern"), NORTHERN, ["provision.actor"]),
        (said("agency"), CLEARED, ["policy"]),
        (said("agency"), NORTHERN, ["provision.actor"]),
        (said(recipient="southern"), NORTHERN, ["provision.actor"]),
        (said(actor=[]), NORTHERN, ["provision.actor", "provision.actor"]),
        ({**said(), "policy": [{"uri": f"{HREX}sensitive"}]}, CLEARED, []),
        ({**said(), "policy": [{"uri": f"{HREX}sensitive"}]}, NORTHERN, []),
        ({**said(), "policy": [{"uri": f"{HREX}other"}]}, NORTHERN, ["policy"]),
        ({**said(), "status": "proposed"}, NORTHERN, ["status"]),
        ({**said(), "scope": coded("urn:x", "patient-privacy")}, NORTHERN, ["scope"]),
        ({**said(), "category": [coded("urn:x", "IDSCL"), {"text": "?"}]}, NORTHERN, ["category"]),
        ({**said(), "provision": {}}, NORTHERN, [
            "provision.type", "provision.period", "provision.actor", "provision.actor", "provision.action"]),
        (said(action=[coded("urn:x", "disclose")]), NORTHERN, ["provision.action"]),
        *((said(**{name: []}), NORTHERN, [f"provision.{name}"])
          for name in ("securityLabel", "purpose", "class", "code", "dataPeriod", "data", "provision")),
    ],
)  # fmt: skip
def test_a_consent_holds_or_is_objected_to_where_it_does_not(sent, asker, wrong):
    assert where(objections(sent, asker, CARD, TODAY)) == wrong


def test_who_is_named_by_another_of_their_names_or_without_one():
    other = {"identifier": {"system": "urn:npi", "value": "1"}}
    actors = said()["provision"]["actor"]
    assert objections(said(actor=[actors[0], {**actors[1], "reference": other}]), NORTHERN, CARD, TODAY) == []
    literal = {"reference": "Organization/northern"}
    sent = said(actor=[actors[0], {**actors[1], "reference": literal}])
    assert where(objections(sent, NORTHERN, CARD, TODAY)) == ["provision.actor"]


def attested(**more):
    return attestation(named("northern"), **{"provision": {"type": "permit", "period": HELD}, **more})


OTHERS = {"organization": [named("southern")]}
ACTING = {"type": "permit", "period": HELD, "actor": [{"role": {}, "reference": named("northern")}]}


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        (attested(), []),
        (attested(provision={"type": "permit", "period": {"start": "2026-06-15"}}), []),
        (attested(provision={"type": "permit", "period": {"start": "2026-06-16"}}), ["provision.period"]),
        (attested(provision={"type": "permit", "period": {"end": "2026-06-30"}}), ["provision.period"]),
        (attested(provision={"type": "deny", "period": HELD}), ["provision.type"]),
        (attested(status="entered-in-error"), ["status"]),
        (attested(**OTHERS), ["organization"]),
        (attested(**OTHERS, performer=[named("northern")]), []),
        (attested(**OTHERS, provision=ACTING), []),
        ({name: part for name, part in attested().items() if name != "dateTime"}, ["dateTime"]),
    ],
)
def test_an_attestation_is_the_askers_own_of_today_or_doubted(sent, wrong):
    assert where(doubts(sent, NORTHERN, TODAY)) == wrong
