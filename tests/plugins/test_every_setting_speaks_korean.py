"""Each setting of our channels, of the examples and of the skeleton reads well in Korean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from core.sdk.plugin import ChannelPlugin
from plugins.conformance.scaffold import write_skeleton
from plugins.registry.catalog import CHANNEL, Catalog
from plugins.registry.forms import form_of, plain_values
from plugins.registry.manifest import parse_manifest

ROOT = Path(__file__).parents[2]
HANGUL = re.compile("[가-힣]")
IDS = ("slack", "sms", "telegram", "web", "email", "kakaotalk", "acme-chat")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog[ChannelPlugin[Any]]:
    for example in (ROOT / "examples" / "plugins").iterdir():
        (tmp_path / example.name).symlink_to(example)
    write_skeleton("acme-chat", into=tmp_path)
    return Catalog(CHANNEL, built_in=ROOT / "channels", folders=tmp_path)


@pytest.mark.parametrize("plugin_id", IDS)
def test_label_and_help_are_there_and_nothing_else(
    catalog: Catalog[ChannelPlugin[Any]], plugin_id: str
) -> None:
    found = catalog.scan()[plugin_id]
    assert found.manifest is not None, found.problem
    model = catalog.load(found).settings
    words = found.manifest.words
    form = form_of(model, values={}, from_environment=(), chosen=(), words=words)
    assert set(words.get("ko", {})) == set(plain_values(model)), "a line without its setting"
    for field in form.fields:
        korean = field.words["ko"]
        assert HANGUL.search(korean.label) or korean.label.isupper(), field.name
        assert bool(korean.help) == bool(field.help), f"{field.name}: help in one language only"
        assert not korean.help or HANGUL.search(korean.help)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("settings = 3", "settings"),
        ("[settings]\nko = 3", "settings.ko"),
        ("[settings.KO_1]\ntoken = {}", "settings"),
        ("[settings.ko]\ntoken = 'x'", "token"),
        ("[settings.ko]\ntoken = { lable = 'x' }", "token"),
        ("[settings.ko]\ntoken = { label = 3 }", "label"),
    ],
)
def test_what_cannot_be_read_is_named(table: str, complaint: str) -> None:
    plugin = "[plugin]\nid='acme'\nname='A'\nversion='1'\napi=1\nentry='a:p'\n"
    text = table + "\n" + plugin if table.startswith("settings =") else plugin + table
    with pytest.raises(BadInput, match=complaint):
        parse_manifest(text, where="here")
