"""Translated texts from `config/locales/LANGUAGE/*.toml`, and the choice of a language."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

from config.languages import DEFAULT, LANGUAGES


def choose_locale(tag: str, *, default: str = DEFAULT, among: Collection[str] = LANGUAGES) -> str:
    """The language we speak that fits a BCP 47 tag best."""
    language = tag.replace("_", "-").split("-")[0].lower()
    return language if language in among else default


class Words:
    """A catalog of texts by dotted name ("notices.greeting"), with `{placeholders}`."""

    def __init__(self, catalogs: Mapping[str, Mapping[str, str]]) -> None:
        self._catalogs = catalogs

    @classmethod
    def load(cls, folder: Path) -> Words:
        """Read LANGUAGE/*.toml; a file's name and its tables make the dotted names."""
        catalogs: dict[str, dict[str, str]] = {}
        for file in sorted(folder.glob("*/*.toml")):
            if file.name == "language.toml":
                continue  # what the language is; config.languages reads it
            with file.open("rb") as opened:
                _flatten(tomllib.load(opened), file.stem, catalogs.setdefault(file.parent.name, {}))
        return cls(catalogs)

    def text(self, name: str, locale: str, /, **values: object) -> str:
        """The text in this language. Raises KeyError for a name that no catalog has."""
        catalog = self._catalogs.get(locale, self._catalogs[DEFAULT])
        text = catalog.get(name) or self._catalogs[DEFAULT][name]
        return text.format(**values) if values else text

    def called(self, section: str, name: str, locale: str) -> str:
        """What people call something; its own name where no catalog has a word for it.

        With no section the name is the whole dotted one.
        """
        try:
            return self.text(f"{section}.{name}" if section else name, locale)
        except KeyError:
            return name

    def section(self, prefix: str, locale: str) -> dict[str, str]:
        """All texts below a prefix, by the rest of their names; what a page's script gets."""
        dotted = prefix + "."
        return {
            name.removeprefix(dotted): self.text(name, locale)
            for name in self._catalogs[DEFAULT]
            if name.startswith(dotted)
        }


def _flatten(node: Mapping[str, object], prefix: str, into: dict[str, str]) -> None:
    for key, value in node.items():
        name = f"{prefix}.{key}"
        if isinstance(value, Mapping):
            _flatten(value, name, into)
        else:
            into[name] = str(value)
