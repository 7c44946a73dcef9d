"""Static types of sources: what JSON Schema says a name may be (https://json-schema.org/draft/2020-12/json-schema-core)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

JSONSchema = Mapping[str, Any]

TEXT, NUMBER, BOOLEAN, OBJECT, LIST, ANY = "text", "number", "boolean", "object", "list", "any"
_KINDS = {
    "string": TEXT,
    "number": NUMBER,
    "integer": NUMBER,
    "boolean": BOOLEAN,
    "object": OBJECT,
    "array": LIST,
}
_PATHS_DEPTH = 8


@dataclass(frozen=True)
class Shape:
    """What a value may be: the schemas it may follow, each with the schema that its `$ref`s point into.

    `owner` says where ids come from: "self" for a root or a link (it has a `uuid`), the name of a root for
    an item linked into another document, "" for everything that belongs to what it stands in.
    """

    world: "World"
    options: tuple[tuple[JSONSchema, JSONSchema], ...]
    owner: str = ""
    source: str = ""

    @cached_property
    def kind(self) -> str:
        """The one kind all options have, or `any`."""
        kinds = {kind for schema, _ in self.options for kind in _kinds(schema)}
        return kinds.pop() if len(kinds) == 1 else ANY

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The codes of an enumerated value; empty when it is open."""
        all_codes: list[str] = []
        for schema, _ in self.options:
            listed = [schema["const"]] if "const" in schema else schema.get("enum")
            if listed is None:
                return ()
            all_codes += [code for code in listed if isinstance(code, str)]
        return tuple(dict.fromkeys(all_codes))

    @property
    def names(self) -> list[str]:
        """The keys it may have."""
        own = ["uuid"] if self.owner == "self" else []
        return list(
            dict.fromkeys(own + [name for schema, _ in self.options for name in schema.get("properties", ())])
        )

    @property
    def is_open(self) -> bool:
        """Whether it may have keys that its schema does not name."""
        return self.kind == ANY and not self.options

    def get(self, name: str) -> "Shape | None":
        """The shape under a key, or None when there is no such key."""
        if self.is_open:
            return self
        schemas = [
            (schema["properties"][name], root)
            for schema, root in self.options
            if name in schema.get("properties", ())
        ]
        if schemas:
            return self.world.shape(schemas, self.source)
        if name == "uuid" and self.owner == "self":
            return self.world.shape([({"type": "string"}, {})], self.source)
        extra = [
            (schema["additionalProperties"], root)
            for schema, root in self.options
            if isinstance(schema.get("additionalProperties"), Mapping)
        ]
        if extra:
            return self.world.shape(extra, self.source)
        free = [
            schema
            for schema, _ in self.options
            if not schema.get("properties") and schema.get("additionalProperties", True) is True
        ]
        return self.world.open(self.source) if free and self.kind in {OBJECT, ANY} else None

    def item(self) -> "Shape":
        """The shape of a list's items."""
        schemas = [
            (schema["items"], root)
            for schema, root in self.options
            if isinstance(schema.get("items"), Mapping)
        ]
        return self.world.shape(schemas, self.source) if schemas else self.world.open(self.source)


@dataclass(frozen=True, eq=False)
class World:
    """All schemas: of each source its roots, and of each kind of link what it leads to."""

    sources: Mapping[str, Mapping[str, JSONSchema]]
    links: Mapping[str, JSONSchema]

    def root(self, source: str, name: str) -> Shape:
        """The shape of a root name of a source."""
        schema = self.sources[source][name]
        return replace(self.shape([(schema, schema)], source), owner="self")

    def open(self, source: str) -> Shape:
        """The shape of what no schema describes."""
        return Shape(self, (), "", source)

    def scalar(self, kind: str) -> Shape:
        """The shape of a made value of one kind."""
        names = {shape_kind: name for name, shape_kind in _KINDS.items()}
        return Shape(self, (({"type": names[kind]}, {}),)) if kind in names else Shape(self, ())

    def shape(self, schemas: list[tuple[JSONSchema, JSONSchema]], source: str) -> Shape:
        """Resolve references, alternatives and links of one or more schemas; null is no alternative."""
        options: list[tuple[JSONSchema, JSONSchema]] = []
        owner = ""
        for schema, root in schemas:
            for option, where, owned in self._resolve(schema, root, source, 0):
                options.append((option, where))
                owner = owner or owned
        return Shape(self, tuple(options), owner, source)

    def _resolve(
        self, schema: JSONSchema, root: JSONSchema, source: str, depth: int
    ) -> Iterator[tuple[JSONSchema, JSONSchema, str]]:
        if depth > 20:
            return
        if "x-link" in schema:
            yield from self._linked_schemas(str(schema["x-link"]), source, depth)
        elif "$ref" in schema:
            target: Any = root
            for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")] if step else target
            yield from self._resolve(target, root, source, depth + 1)
        elif alternatives := [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
            for alternative in alternatives:
                yield from self._resolve(alternative, root, source, depth + 1)
        elif schema.get("type") != "null":
            yield schema, root, ""

    def _linked_schemas(
        self, link: str, source: str, depth: int
    ) -> Iterator[tuple[JSONSchema, JSONSchema, str]]:
        name, _, path = link.partition(".")
        if not path:
            schema = self.links[name]
            for option, root, _ in self._resolve(schema, schema, source, depth + 1):
                yield option, root, "self"
            return
        shape: Shape | None = self.root(source, name)
        for step in path.split("."):
            shape = shape.get(step) if shape else None
        if shape is None:
            raise KeyError(link)
        for option, root in shape.item().options:
            yield option, root, name


def paths(shape: Shape, prefix: str, depth: int = 0) -> Iterator[str]:
    """Give the paths of all leaves under a shape; a link is a leaf, a recursive type ends where it recurs."""
    while shape.kind == LIST:
        shape = shape.item()
    names = [name for name in shape.names if name != "uuid"]
    if not names or depth >= _PATHS_DEPTH or (depth and shape.owner):
        yield prefix
        return
    for name in names:
        child = shape.get(name)
        if child is not None:
            yield from paths(child, f"{prefix}.{name}", depth + 1)


def _kinds(schema: JSONSchema) -> Iterator[str]:
    types = schema.get("type")
    if types is None:
        if "properties" in schema:
            yield OBJECT
        elif "enum" in schema and all(isinstance(code, str | None) for code in schema["enum"]):
            yield TEXT
        else:
            yield ANY
        return
    for name in [types] if isinstance(types, str) else types:
        if name != "null":
            yield _KINDS.get(name, ANY)
