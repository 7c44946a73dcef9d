"""A file that nothing would read is refused: who wrote it takes what it says for said."""

import pytest

BASE = "map: T\nfrom: case\nmake: {a: 1}\n"
LAYER = "outbound/, inbound/, compositions/, codesystems/, concepts/"


@pytest.mark.parametrize("layer", ["", "overlays/over/"])
@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("T.yaml", f"*.yaml files stand in {LAYER}"),
        ("outbound/U.yml", "rename it to U.yaml"),
        ("concepts/map.YAML", "rename it to map.yaml"),
        ("outbond/U.yaml", "is `outbond/` meant for `outbound/`?"),
        ("concept/map.yaml", "is `concept/` meant for `concepts/`?"),
        ("outbound/more/U.yaml", "*.yaml files stand in outbound/ itself"),
        ("tools/readme.txt", f"files stand in {LAYER}"),
    ],
)
def test_a_file_that_nothing_reads_is_refused(write, mistakes, layer, file, remedy):
    write("overlays/over/outbound/T.yaml", "extends: T\n")
    write(f"{layer}{file}", BASE)
    ((place, what),) = mistakes(BASE, overlays=["over"])
    assert place == f"{layer}{file}"
    assert what.startswith(f"nothing reads this file; {remedy}")


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("overlays/U.yaml", "an overlay is a folder of its own in overlays/"),
        ("overlays/over/overlay.yml", "rename it to overlay.yaml"),
        ("pathways/stroke.yml", "rename it to stroke.yaml"),
        ("overlays/over/pathways/stroke.yaml", f"files stand in {LAYER}"),
        ("overlays/over/golden/pair/in.json", f"files stand in {LAYER}"),
    ],
)
def test_what_stands_beside_the_layers_has_its_place_too(write, mistakes, file, remedy):
    write("overlays/over/outbound/T.yaml", "extends: T\n")
    write(file, BASE)
    ((place, what),) = mistakes(BASE, overlays=["over"])
    assert (place, what) == (file, f"nothing reads this file; {remedy}")


def test_what_editors_leave_and_what_is_no_mapping_is_passed_over(write, catalogue):
    for file in (
        ".git/config.yaml",
        "outbound/.#T.yaml",
        "outbound/.U.yaml.swp",
        "outbound/U.yaml~",
        "outbound/README.md",
        "README.md",
        "schema.json",
        "golden/pair/in.json",
        "golden/pair/notes.yml",
        "overlays/.idea/outbound/T.yaml",
        "overlays/over/outbound/.T.yaml",
        "overlays/over/outbound~/T.yaml",
        "overlays/over/overlay.yaml",
        "pathways/stroke.yaml",
    ):
        write(file, "title: x\n")
    write("overlays/over/outbound/T.yaml", "extends: T\n")
    assert [mapping.name for mapping in catalogue(BASE, overlays=["over"]).mappings] == ["T"]


def test_an_overlay_that_is_not_put_on_is_not_looked_at(write, catalogue):
    write("overlays/over/outbond/T.yaml", "extends: T\n")
    assert catalogue(BASE).mappings
