"""The language page taken apart: its examples, what they should make, and its tables of expressions."""

import re
from dataclasses import dataclass
from decimal import Decimal
from json import loads

FENCE = re.compile(r"```(yaml|json)\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| `(?P<leaf>[^`]*)` \|.*\| (?:`(?P<value>.*)`|nothing) \|$", re.MULTILINE)
FILTER = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<summary>.*) \| `(?P<leaf>.*?)` \| `(?P<value>.*)` \|$", re.MULTILINE
)


@dataclass
class Example:
    """A block of YAML, where it says it stands ('' for the body of a mapping), and what should come of it."""

    file: str
    text: str
    makes: object = None


def parsed(text):
    return loads(text, parse_float=Decimal)


def examples(page):
    """Every example, in the order of the page."""
    examples = []
    for language, block in FENCE.findall(page):
        if language == "yaml":
            named = re.match(r"# (\S+\.yaml)\n", block)
            examples.append(Example(named[1] if named else "", block))
        elif examples:
            examples[-1].makes = parsed(block)
    return examples


def documents(page):
    """The client and the case that the examples are tried on."""
    shown = page.partition("## The case of the examples")[2].partition("\n## ")[0]
    client, case = (parsed(block) for language, block in FENCE.findall(shown) if language == "json")
    return client, case


def section(page, title):
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(page, title):
    """The single expressions of a section's table: (leaf, value or None)."""
    rows = []
    for row in ROW.finditer(section(page, title)):
        leaf = row["leaf"].replace("\\|", "|").strip('"')
        rows.append((leaf, None if row["value"] is None else parsed(row["value"])))
    return rows


def filters(page):
    """The table of filters: by name (summary, example, value)."""
    return {
        row["name"]: (
            row["summary"],
            row["leaf"].replace("\\|", "|"),
            parsed(row["value"].replace("\\|", "|")),
        )
        for row in FILTER.finditer(section(page, "Filters"))
    }
