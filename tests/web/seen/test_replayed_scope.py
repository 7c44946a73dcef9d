"""What a queue is told again is what its partner may see now, and is on record before."""

import json

from service.wiring.replaying import replaying
from tests.web.seen.test_audit import records
from tests.web.seen.test_published_scope import published, registry  # noqa: F401 - fixtures


def again(settings, queue):
    with replaying(settings, queue, since=None, case=None, type_=None) as (_, work):
        return sum(work)


def test_only_what_the_partner_may_see_is_told_again_and_is_on_record(published, settings):  # noqa: F811
    published.publish()
    messages = published.take("northern.all")
    before = len(records(published.house.engine))
    assert len(messages) > 10
    assert again(settings, "northern.all") == len(messages)
    assert again(settings, "southern.all") == 0
    rows = records(published.house.engine)[before:]
    assert {(row.partner, row.interaction, row.correlation) for row in rows} == {
        ("northern", "disclose", "northern.all")
    }
    published.publish()
    assert sorted(map(json.dumps, published.take("northern.all"))) == sorted(map(json.dumps, messages))
    assert published.take("southern.all") == []


def test_a_case_alone_is_told_again(published, settings):  # noqa: F811
    published.publish()
    messages = published.take("cms.all")
    (case,) = {message["partitionkey"] for message in messages if message["partitionkey"].startswith("case/")}
    with replaying(settings, "cms.all", since=None, case=case.partition("/")[2], type_=None) as (_, work):
        count = sum(work)
    published.publish()
    again_ = published.take("cms.all")
    assert 0 < len(again_) == count < len(messages)
    assert {message["partitionkey"] for message in again_} == {case}
