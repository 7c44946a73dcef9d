"""The language page: what it shows is what the language takes."""

import re

from service.mapping.translate import load

TEXT = {"type": ["string", "null"]}


def thing(**properties):
    return {"type": "object", "properties": {"id": TEXT} | properties, "additionalProperties": False}


def many(**properties):
    return {"type": "array", "items": thing(**properties)}


CASE = thing(
    plan=thing(
        title=TEXT,
        goals=many(description=TEXT, start=TEXT),
        services=many(withdrawn={"type": "boolean"}),
        appointments=many(),
    ),
    period=thing(start=TEXT, end=TEXT),
)


def test_each_example_of_the_page_loads(language_page, tmp_path):
    (tmp_path / "outbound").mkdir()
    (tmp_path / "concepts").mkdir()
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", language_page, re.DOTALL)):
        folder = "concepts" if "resourceType: ConceptMap" in block else "outbound"
        head = "" if folder == "concepts" or "map:" in block else f"map: M{number}\nfrom: case\nmake:\n"
        text = head + (re.sub("(?m)^", "  ", block) if head else block)
        (tmp_path / folder / f"m{number}.yaml").write_text(text)
    catalogue = load(tmp_path, sources={"case": {"case": CASE, "client": thing()}}, links={})
    assert (len(catalogue.mappings), len(catalogue.concept_maps)) == (4, 1)
