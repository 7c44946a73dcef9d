"""Topic patterns mean here what they mean to RabbitMQ."""

import pytest

from service.publish.copies.coverage import Coverage, Route, matches
from tests.publish.made import partner


@pytest.mark.parametrize(
    ("pattern", "key", "covered"),
    [
        ("careplan.updated", "careplan.updated", True),
        ("careplan.updated", "careplan.created", False),
        ("careplan.*", "careplan.updated", True),
        ("careplan.*", "careplan", False),
        ("careplan.*", "careplan.a.b", False),
        ("*.updated", "careteam.updated", True),
        ("#", "case.discharged", True),
        ("#.discharged", "discharged", True),
        ("careplan.#", "careplan", True),
        ("a.#.b.*", "a.x.b.b.c", True),
        ("a.#.b.*", "a.b", False),
    ],
)
def test_a_pattern_covers_what_the_broker_would_route(pattern, key, covered):
    assert matches(pattern, key) is covered


def to(queue, *, full=False):
    return Route(queue, f"casebridge.to.{queue}", full)


def opened(*, mandatory):
    return Route("casebridge.events", "casebridge.events", mandatory=mandatory)


def test_a_queue_gets_what_its_bindings_cover_with_the_resource_where_it_asked():
    coverage = Coverage([partner(plain=("careplan.*", "#.created"), full=("*.created",)), partner("clinic")])

    both = (to("clinic"), to("harbor"), to("harbor", full=True), opened(mandatory=False))
    assert coverage.of("default", "careplan.created") == both
    plain = (to("clinic"), to("harbor"), opened(mandatory=False))
    assert coverage.of("default", "careplan.updated") == plain


def test_what_nobody_registered_for_comes_back_from_the_open_exchange_when_nobody_is_there():
    assert Coverage([partner()]).of("default", "goal.updated") == (opened(mandatory=True),)


def test_a_binding_covers_the_messages_of_its_partners_view_alone():
    coverage = Coverage([partner(plain=("#",)), partner("clinic", plain=(), full=("#",), view="lean")])
    assert coverage.of("default", "goal.created") == (to("harbor"), opened(mandatory=False))
    assert coverage.of("lean", "goal.created") == (to("clinic", full=True),)
    assert coverage.of("other", "goal.created") == ()
