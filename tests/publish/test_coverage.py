"""Topic patterns mean here what they mean to RabbitMQ."""

import pytest

from service.publish.coverage import Coverage, Expected, matches
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


def test_bindings_with_the_resource_are_told_from_those_without():
    coverage = Coverage([partner(plain=("careplan.*",), full=("*.created",))])

    assert coverage.of("default", "careplan.created") == Expected(plain=True, full=True)
    assert coverage.of("default", "careplan.updated") == Expected(plain=True, full=False)
    assert coverage.of("default", "goal.updated") == Expected(plain=False, full=False)


def test_a_binding_covers_the_messages_of_its_partners_view_alone():
    coverage = Coverage([partner(plain=("#",)), partner("clinic", plain=(), full=("#",), view="lean")])
    assert coverage.of("default", "goal.created") == Expected(plain=True, full=False)
    assert coverage.of("lean", "goal.created") == Expected(plain=False, full=True)
    assert coverage.of("other", "goal.created") == Expected(plain=False, full=False)
    assert [coverage.knows(each) for each in ("default", "lean", "other")] == [True, True, False]
