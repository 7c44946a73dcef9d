"""YAML 1.2 core types, and what is refused with its place."""

from decimal import Decimal

import pytest

from service.wire.yaml import SIZE_LIMIT, InvalidYaml, Scalar, documents, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2024-01-02", "2024-01-02"),
        ("0o14", 12),
        ("0x1F", 31),
        ("014", 14),
        ("-3", -3),
        ("1_000", "1_000"),
        ("true", True),
        ("Null", None),
        ("~", None),
        ("'1'", "1"),
        ("1e2", Decimal("1e2")),
    ],
)
def test_plain_scalars_have_the_types_of_the_core_schema(text: str, value: object):
    parsed = plain(documents(f"a: {text}", "f")[0])["a"]
    assert (parsed, type(parsed)) == (value, type(value))


def test_a_decimal_keeps_its_digits():
    assert str(plain(documents("a: 1.10", "f")[0])["a"]) == "1.10"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1", "twice"),
        ("a: &x 1\nb: *x", "f:1:4", "anchors"),
        ("a: *x", "f:1:4", "aliases"),
        ("a: !!str 1", "f:1:4", "tags"),
        ("a: !x 1", "f:1:4", "tags"),
        ("<<: {a: 1}", "f:1:1", "merge keys"),
        ("a:\n  1: x", "f:2:3", "a key is text"),
        ("? [a]\n: b", "f:1:3", "a key is text"),
        ("a: .inf", "f:1:4", "not a number"),
        ("a: 1e999999999", "f:1:4", "number of this size"),
        ('a: "\\0"', "f:1:4", "NUL"),
        ("a: \0", "f:1:4", "NUL"),
        ("a: [1", "f:2:1", "not YAML"),
        ("\ta: 1", "f:1:1", "not YAML"),
        ("a: \x01", "f:1:4", "not YAML"),
    ],
)
def test_what_is_refused_names_its_place(text: str, place: str, message: str):
    with pytest.raises(InvalidYaml, match=message) as caught:
        documents(text, "f")
    if "[1" not in text:
        assert str(caught.value.mark) == place


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor():
    bomb = "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a, *a]" for n in range(100))
    with pytest.raises(InvalidYaml, match="anchors"):
        documents(bomb, "f")


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_depth_ends_in_an_error(text: str):
    with pytest.raises(InvalidYaml, match="nested more than"):
        documents(text, "f")


def test_a_file_over_the_limit_is_refused():
    with pytest.raises(InvalidYaml, match="split it"):
        documents("a: " + "x" * SIZE_LIMIT, "f")


@pytest.mark.parametrize(
    ("text", "mark", "place"),
    [
        ("a: bcX", "X", (1, 6)),
        ("a: 'it''s X'", "X", (1, 11)),
        ('a: "\\n\\"\\u00e9 X"', "X", (1, 16)),
        ("a: >\n  one\n  two X\n", "X", (3, 7)),
        ("a: |\n  one\n    two\n  X\n", "X", (4, 3)),
        ("a: one\n  two\n  X", "X", (3, 3)),
    ],
)
def test_a_character_of_a_value_is_found_in_the_file(text: str, mark: str, place: tuple[int, int]):
    leaf = documents(text, "f")[0].entries["a"]
    assert isinstance(leaf, Scalar)
    mark_of_leaf = leaf.at(str(leaf.value).index(mark))
    assert (mark_of_leaf.line, mark_of_leaf.column) == place
