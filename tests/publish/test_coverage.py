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

    assert coverage.of("careplan.created") == Expected(plain=True, full=True)
    assert coverage.of("careplan.updated") == Expected(plain=True, full=False)
    assert coverage.of("goal.updated") == Expected(plain=False, full=False)
