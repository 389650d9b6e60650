"""Manifests: one clear sentence for each way to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.registry.manifest import ManifestError, parse_manifest, read_manifest

GOOD = {
    "id": '"acme"',
    "name": '"Acme"',
    "version": '"1.0.0"',
    "api": "1",
    "entry": '"acme.channel:plugin"',
}


def _text(changes: dict[str, str | None], more: str = "") -> str:
    lines = {**GOOD, **changes}
    keys = "\n".join(f"{key} = {value}" for key, value in lines.items() if value is not None)
    return f"[plugin]\n{keys}\n{more}"


def test_a_good_one_is_read() -> None:
    text = _text(
        {"env_prefix": '"ACME_"', "enabled_by": '["token"]'}, '[webhooks]\n"/webhooks/acme" = ""'
    )
    manifest = parse_manifest(text, where="x")
    assert manifest.id == "acme"
    assert manifest.enabled_by == ("token",)
    assert manifest.webhooks == {"/webhooks/acme": ""}
    assert manifest.isolated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[plugin", "is not TOML"),
        ("x = 1", "unknown table"),
        ("", r"table \[plugin\] is missing"),
        (_text({"id": None}), "id is missing"),
        (_text({"id": "3"}), "id must be text in quotes"),
        (_text({"id": '"Bad Id"'}), "id is 'Bad Id'; it must be lower-case"),
        (_text({"name": '""'}), "name is ''"),
        (_text({"version": '"new"'}), "version is 'new'"),
        (_text({"api": None}), "api is missing"),
        (_text({"api": "true"}), "api must be a whole number"),
        (_text({"api": "2"}), "this host speaks 1; update the host"),
        (_text({"entry": '"acme.channel"'}), "entry is 'acme.channel'"),
        (_text({"homepage": '"acme.example"'}), "http"),
        (_text({"colour": '"blue"'}), "colour is unknown; known keys"),
        (_text({"isolated": '"yes"'}), "isolated must be true or false"),
        (_text({"enabled_by": '["token"]'}), "enabled_by needs env_prefix"),
        (_text({"env_prefix": '"acme"'}), "env_prefix is 'acme'"),
        (_text({}, "[webhooks]\n\"/acme\" = ''"), "must begin with /webhooks/"),
        (_text({}, '[webhooks]\n"/webhooks/acme" = 3'), "must name a path"),
        (_text({}, "[other]\n"), r"unknown table \[other\]"),
        ("webhooks = 3\n" + _text({}), r"\[webhooks\] must be a table of paths"),
        (_text({"words": "{}"}), r"\[plugin\] words is unknown"),
        (_text({"enabled_by": "[3]"}), "enabled_by must be a list of setting names"),
        (_text({"enabled_by": '""'}), "enabled_by must be a list of setting names"),
        (_text({"contract": '"a b"'}), "contract is 'a b'; it must be a module"),
        ("settings = 3\n" + _text({}), r"\[settings\] must hold a table a language"),
        (_text({}, "[settings.Korean]\n"), r"\[settings\] must hold a table a language"),
        (_text({}, '[settings.ko]\ntoken = "토큰"'), r"\[settings.ko\] token must be { label"),
        (_text({}, "[settings.ko]\ntoken = { label = 3 }"), r"\[settings.ko\] token must be"),
        (_text({}, "[settings.ko]\ntoken = { hint = '' }"), r"\[settings.ko\] token must be"),
    ],
)
def test_each_way_to_be_wrong_has_its_sentence(text: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words) as raised:
        parse_manifest(text, where="here.toml")
    assert str(raised.value).startswith("here.toml: ")
    assert str(raised.value).endswith(".")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file"):
        read_manifest(tmp_path / "manifest.toml")
    file = tmp_path / "manifest.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match="not UTF-8"):
        read_manifest(file)
    file.write_text("#" * 100_000)
    with pytest.raises(ManifestError, match="larger than"):
        read_manifest(file)
