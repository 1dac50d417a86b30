"""Compares a value with a JSON schema: the words of those in docs and no others."""

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
_WORDS = {"$schema", "$defs", "title", "description", "$ref", "type", "const", "enum", "required", "properties",
          "items", "minimum", "maximum"}


def _resolved(schema, whole):
    while "$ref" in schema:
        target = whole
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = target
    return schema


def mistakes(value, schema, whole=None, place="$"):
    """What is wrong, as texts. A member that the schema does not describe is wrong too: the document is complete."""
    whole = whole or schema
    schema = _resolved(schema, whole)
    unknown = set(schema) - _WORDS
    if unknown:
        return [f"{place}: the schema has words that nobody looks at: {sorted(unknown)}"]
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{place}: {value!r} is no {kind}"]
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{place}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is not one of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{place}: {value!r} is less than {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        found.append(f"{place}: {value!r} is more than {schema['maximum']}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{place}: {name} is missing" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            if name in properties:
                found += mistakes(member, properties[name], whole, f"{place}.{name}")
            else:
                found.append(f"{place}.{name} is not described")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += mistakes(item, schema["items"], whole, f"{place}[{i}]")
    return found
