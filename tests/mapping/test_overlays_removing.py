"""An overlay removes what nothing needs: what is referred to or required stays."""

import pytest

from tests.mapping.overlaid import BASE, OVER, PLAIN


def test_what_is_removed_is_referred_to_by_nothing(write, mistakes, catalogue):
    write(OVER, "extends: T\nmake: {}\n")
    other = "---\nmap: U\nfrom: case\nmake: {a: [\"{{ case.plan.id | reference('T') }}\"]}\n"
    ((place, what),) = mistakes(BASE + other, overlays=["over"])
    assert place == f"{OVER}:2:1"
    assert "nothing makes `T`, yet outbound/T.yaml:24:31 refers to it" in what
    write(OVER, "extends: T\nmake: {}\n---\nextends: U\nmake: {a: null, b: 1}\n")
    assert [mapping.name for mapping in catalogue(BASE + other, overlays=["over"]).mappings] == ["U"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("make: {contributor: null}", "2:8", "nothing makes `contributor` here; take this out"),
        ("make:\n  kind:\n    system: null\n", "4:5", "nothing makes `system` here"),
        ("make: {goal: {$make: {title: ''}}}", "2:23", "nothing makes `title` here"),
        ("make: {kind: {$if: null}}", "2:15", "there is no `$if` here to remove"),
        ("make: {title: {value: []}}", "2:16", "nothing makes `value` here"),
        ("let: {titel: null}", "2:7", "there is no `titel` here to remove"),
        ("profile: null", "2:1", "there is no `profile` here to remove"),
        ("make: {more: {x: null, y: 1}}", "2:15", "nothing makes `x` here"),
    ],
)
def test_what_nothing_makes_is_not_removed(wrong, text, where, message):
    """Whoever removes it means something else, which would be sent as before."""
    ((place, what),) = wrong(f"extends: T\n{text}\n")
    assert place == f"{OVER}:{where}"
    assert message in what


def test_what_another_overlay_makes_or_has_removed_is_removed_where_that_stands_below(laid, write, mistakes):
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {fresh: null, kind: null, title: null}\n")
    text = "make: {fresh: {x: 1}, kind: null, title: plain}"
    assert laid(text, names=("over", "last")) == {
        key: value for key, value in PLAIN.items() if key not in {"kind", "title"}
    }
    for names in (("last",), ("last", "over")):
        ((place, what),) = mistakes(BASE, overlays=names)
        assert place == "overlays/last/outbound/T.yaml:2:8"
        assert "nothing makes `fresh` here" in what
        assert "let `extends` in overlay.yaml name the overlay that does" in what
    write("overlays/last/overlay.yaml", "extends: over\n")
    assert "fresh" not in laid(text, names=("last",))


REQUIRED = {"T.title": ("title",), "T.kind.code": ("code",), "T.period": ("period", "periodText")}


@pytest.mark.parametrize(
    ("text", "where", "element"),
    [
        ("make: {title: null}", "2:8", "T.title"),
        ("make: {kind: {code: ''}}", "2:15", "T.kind.code"),
        ("make: {period: {}}", "2:8", "T.period"),
    ],
)
def test_what_is_required_is_not_removed(wrong, text, where, element):
    ((place, what),) = wrong(f"extends: T\n{text}\n", required=lambda path: REQUIRED.get(path, ()))
    assert place == f"{OVER}:{where}"
    assert what.startswith(f"`{element}` is required; say what stands there instead")


@pytest.mark.parametrize(
    "text",
    [
        "make: {kind: null}",
        "make: {period: null, periodText: then}",
        "make: {title: null, _title: {extension: [{url: x}]}}",
        "make: {kind: {note: null}}",
    ],
)
def test_what_is_required_goes_by_another_name_or_with_all_that_it_stands_in(laid, write, catalogue, text):
    write(OVER, f"extends: T\n{text}\n")
    catalogue(BASE, overlays=["over"], required=lambda path: REQUIRED.get(path, ()))


def test_what_is_required_is_removed_by_one_overlay_and_made_by_the_next(write, catalogue, mistakes):
    write(OVER, "extends: T\nmake: {title: null}\n")
    write("overlays/last/outbound/T.yaml", "extends: T\nmake: {title: last}\n")
    catalogue(BASE, overlays=["over", "last"], required=lambda path: REQUIRED.get(path, ()))
