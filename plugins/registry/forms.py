"""Builds a settings form from a model's JSON schema; secrets are write-only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from core.errors import BadInput
from core.sdk.plugin import SettingWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of the form."""

    name: str
    label: str
    kind: str  #: text, secret, number, flag, choice
    help: str = ""
    required: bool = False
    choices: Sequence[str] = ()
    value: Any = None  #: what holds now; always None for a secret
    is_set: bool = False  #: somebody gave it a value
    source: str = ""  #: "console", "environment", or "" for the model's default
    words: Mapping[str, SettingWords] = field(default_factory=dict)  #: by other languages


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsForm:
    """All inputs, and the JSON schema they were drawn from."""

    fields: Sequence[Field]
    schema: Mapping[str, Any]


def form_of(
    model: type[BaseModel],
    *,
    values: Mapping[str, Any],
    from_environment: Collection[str],
    chosen: Collection[str],
    words: Mapping[str, Mapping[str, SettingWords]] | None = None,
) -> SettingsForm:
    """The form for these settings as they are now; `words` are the manifest's, by language."""
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    drawn = []
    for name, shape in schema.get("properties", {}).items():
        kind, choices = _kind(shape, schema)
        source = "console" if name in chosen else "environment" if name in from_environment else ""
        drawn.append(
            Field(
                name=name,
                label=shape.get("title", name),
                kind=kind,
                help=shape.get("description", ""),
                required=name in required,
                choices=choices,
                value=None if kind == "secret" else values.get(name, shape.get("default")),
                is_set=bool(source),
                source=source,
                words={
                    locale: said[name] for locale, said in (words or {}).items() if name in said
                },
            )
        )
    return SettingsForm(fields=drawn, schema=schema)


def secret_names(model: type[BaseModel]) -> frozenset[str]:
    """The settings that are sealed: SecretStr fields, by the names a form gives them."""
    schema = model.model_json_schema()
    return frozenset(
        name
        for name, shape in schema.get("properties", {}).items()
        if _kind(shape, schema)[0] == "secret"
    )


def plain_values(model: type[BaseModel]) -> Mapping[str, Any]:
    """Every setting with its default, by the names a form gives them."""
    properties = model.model_json_schema().get("properties", {})
    return {name: shape.get("default") for name, shape in properties.items()}


def own_settings(model: type[BaseModel], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of the given settings that the model knows.

    A prefix in the environment may hold more than one channel's settings.
    """
    known = plain_values(model)
    return {name: value for name, value in given.items() if name in known}


def read_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE as a mapping. Raises BadInput for anything else."""
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            # The value is not repeated: it may be a secret.
            raise BadInput(f"--set takes KEY=VALUE; {key.strip() or 'this'!r} has no '='.")
        settings[key.strip()] = value
    return settings


def _kind(shape: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    for variant in _variants(shape, schema):
        if variant.get("writeOnly") or variant.get("format") == "password":
            return "secret", ()
        if "enum" in variant:
            return "choice", [str(item) for item in variant["enum"]]
        match variant.get("type"):
            case "boolean":
                return "flag", ()
            case "integer" | "number":
                return "number", ()
    return "text", ()


def _variants(shape: Mapping[str, Any], schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The shape itself, or what `anyOf` and `$ref` lead to, without null."""
    found = [shape]
    for variant in (*shape.get("anyOf", ()), *shape.get("allOf", ())):
        found.extend(_variants(variant, schema))
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        found.extend(_variants(schema.get("$defs", {}).get(name, {}), schema))
    return [variant for variant in found if variant.get("type") != "null"]
