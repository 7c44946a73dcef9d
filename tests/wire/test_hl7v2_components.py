"""What the table of components says that readers read is what they read, no more and no less."""

import random
from datetime import UTC

import pytest

from service.wire.hl7v2.components import components
from service.wire.hl7v2.json_schema import schema
from service.wire.hl7v2.types.datatypes import READ
from service.wire.hl7v2.types.reading import FieldContext
from service.wire.hl7v2.types.systems import NONE

DEFINITIONS = schema()
VALUES = ("Rider", "NET", "Internet", "CP", "2020", "2021", "7", "a@b.example", "da", "ISO639", "River")
BESIDE = {2: "I10", 4: "Words"}
NAMES = tuple(f"c{number}{part}" for number in range(1, 23) for part in ("", "s2", "s3", "s4", "s5"))


def keys_of(segment, number):
    """The keys that the reader of a field gives."""
    shown = DEFINITIONS["properties"][segment]
    shown = shown.get("items", shown)["properties"][f"f{number}"]["$ref"].rpartition("/")[2]
    return sorted(set(DEFINITIONS["$defs"][shown]["properties"]) - {"known_as"})


KEYS = [
    (segment, number, key) for segment in READ for number in READ[segment] for key in keys_of(segment, number)
]


def examples(segment, number, key, count):
    chance = random.Random(f"{segment}-{number} {key}")
    for _ in range(count):
        share = chance.choice((0.05, 0.2, 0.6))
        yield {name: chance.choice(VALUES) for name in NAMES if chance.random() < share}


def read(segment, number, key, example, beside):
    shown = dict(example)
    others = {f"f{home}": {"c1": text} for home, text in beside.items()}
    READ[segment][number](shown, FieldContext(UTC, NONE, [], segment, 1, others, number))
    return shown.get(key)


@pytest.mark.parametrize(("segment", "number", "key"), KEYS)
def test_a_key_is_made_of_the_components_that_the_table_names(segment, number, key):
    made = set(components(segment, number, key))
    own = {name for home, name in made if home == number}
    beside = {home: BESIDE[home] for home, _ in made if home != number}
    # whether there are codes, not which, decides what the words are
    own |= {"c1", "c4", "c10"} if key == "text" and len(own) > 1 else set()
    for example in examples(segment, number, key, 200):
        part = {name: text for name, text in example.items() if name in own}
        assert read(segment, number, key, example, BESIDE) == read(segment, number, key, part, beside)


@pytest.mark.parametrize(("segment", "number", "key"), KEYS)
def test_each_component_that_the_table_names_says_something_of_the_key(segment, number, key):
    silent = set(components(segment, number, key))
    for example in examples(segment, number, key, 3_000):
        beside = BESIDE if len(example) % 2 else {}
        whole = read(segment, number, key, example, beside)
        for home, name in sorted(silent):
            if home == number:
                less = read(segment, number, key, {n: t for n, t in example.items() if n != name}, beside)
            else:
                less = read(segment, number, key, example, {n: t for n, t in beside.items() if n != home})
            if less != whole:
                silent.discard((home, name))
        if not silent:
            return
    assert silent == set()
