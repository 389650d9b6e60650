"""What operators set: documented, checked, and named when wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from config.settings import (
    TRACING,
    SettingsError,
    entries,
    example,
    load_settings,
    misspelt,
    read_settings,
)

ROOT = Path(__file__).parents[2]


def test_the_example_file_lists_every_setting_as_it_is() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == example()


def test_every_line_of_the_example_works_when_uncommented(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ")
        for line in example().splitlines()
        if line.startswith("# ") and "=" in line
    ]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    values = {k: v or "" for k, v in dotenv_values(tmp_path / ".env").items()}
    assert set(values) == {entry.name for entry in entries()}
    uncommented, untouched = read_settings(values), read_settings({})
    for section in ("server", "store", "llm", "approvals", "reports", "mail"):
        assert getattr(uncommented, section) == getattr(untouched, section)


def test_the_contracts_names_are_known() -> None:
    names = {entry.name for entry in entries()}
    contract = """HOST PORT PUBLIC_URL DATA_DIR SECRET_KEY LOG_LEVEL MONGODB_URI QDRANT_URL
        QDRANT_API_KEY REDIS_URL LLM_MODEL LLM_FALLBACK_MODELS OPENAI_API_KEY OPENAI_BASE_URL
        LLM_TIMEOUT_SECONDS LLM_OPTIONS EMBEDDING_MODEL TELEGRAM_BOT_TOKEN TELEGRAM_API_BASE_URL
        TELEGRAM_WEBHOOK_SECRET SLACK_BOT_TOKEN SLACK_APP_TOKEN SLACK_SIGNING_SECRET
        SLACK_API_BASE_URL SLACK_APPROVALS_CHANNEL SLACK_REPORTS_CHANNEL TWILIO_ACCOUNT_SID
        TWILIO_AUTH_TOKEN TWILIO_FROM TWILIO_API_BASE_URL APPROVAL_TIMEOUT_SECONDS
        SESSION_IDLE_SECONDS REPORT_TIME REPORT_TIMEZONE AUTO_SEND_TARGET_PRECISION
        AUTO_SEND_COLD_START APPROVAL_UNDO_SECONDS LEARN_FROM_EDITS"""
    assert set(contract.split()) <= names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "99999"),
        ("PORT", "http"),
        ("SECRET_KEY", "short"),
        ("MONGODB_URI", "http://user:hidden@host"),
        ("REPORT_TIMEZONE", "Mars/Olympus"),
        ("REPORT_TIME", "9:00"),
        ("LLM_MODEL", "gpt"),
        ("LLM_FALLBACK_MODELS", "openai:a, b"),
        ("LLM_OPTIONS", "{max_tokens: 5, api_key: hidden}"),
        ("LLM_OPTIONS", '{"max_tokens": 5'),
        ("LLM_OPTIONS", '["max_tokens"]'),
        ("LLM_OPTIONS", "7"),
        ("LLM_OPTIONS", "[" * 100_000),
        ("LLM_OPTIONS", '{"model": "x"}'),
        ("LLM_OPTIONS", '{"timeout": 3}'),
        ("AUTO_SEND_TARGET_PRECISION", "much"),
        ("AUTO_SEND_COLD_START", "no"),
        ("QDRANT_URL", "localhost:6333"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: value})
    sentence = str(refused.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "hidden" not in sentence


def test_options_of_a_model_are_a_json_object() -> None:
    given = read_settings({"LLM_OPTIONS": '{"max_tokens": 900, "stop": null, "x": {"y": [1]}}'})
    assert given.llm.llm_options == {"max_tokens": 900, "stop": None, "x": {"y": [1]}}
    assert read_settings({}).llm.llm_options == {}
    assert read_settings({}).llm.llm_timeout_seconds == 20
    for name, setting in (("model", "LLM_MODEL"), ("timeout", "LLM_TIMEOUT_SECONDS")):
        with pytest.raises(SettingsError, match=setting):
            read_settings({"LLM_OPTIONS": f'{{"{name}": "x"}}'})


def test_secrets_do_not_show(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "SECRET_KEY": "k" * 20,
            "MONGODB_URI": "mongodb://u:hidden@h/",
            "TELEGRAM_BOT_TOKEN": "hidden",
            "OPENAI_API_KEY": "hidden",
            "SMTP_PASSWORD": "hidden",
            "REDIS_URL": "redis://:hidden@h",
        }
    )
    assert "hidden" not in repr(settings)
    assert "kkk" not in repr(settings)


def test_the_environment_beats_the_file_and_flags_beat_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=1111\nHOST=10.0.0.1\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("PORT", "2222")
    for name in ("HOST", "LOG_LEVEL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    settings = load_settings(tmp_path, flags={"HOST": "10.0.0.2"})
    assert settings.server.port == 2222
    assert settings.server.host == "10.0.0.2"
    assert settings.server.log_level == "debug"
    assert load_settings(tmp_path, flags={"PORT": "3333", "HOST": None}).server.port == 3333


def test_an_empty_value_is_no_value() -> None:
    assert read_settings({"MONGODB_URI": "  ", "PORT": ""}).store.mongodb_uri is None


def test_a_plugin_finds_what_stands_under_its_prefix() -> None:
    settings = read_settings({"TWILIO_FROM": "+1", "TWILIO_AUTH_TOKEN": "t", "SLACK_BOT_TOKEN": ""})
    assert settings.with_prefix("TWILIO_") == {"from": "+1", "auth_token": "t"}
    assert settings.with_prefix("SLACK_") == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/support?x=1",
        "https://shop.example/#support",
        "https://me@shop.example/support",
        "https://shop.example/a//b",
        "https://shop.example/a/../b",
        "https://shop.example:http/support",
    ],
)
def test_a_public_address_that_leads_nowhere_is_refused_in_words(url: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        read_settings({"PUBLIC_URL": url})


def test_a_public_address_may_have_a_path() -> None:
    server = read_settings({"PUBLIC_URL": "https://shop.example/a/support/"}).server
    assert server.public_url == "https://shop.example/a/support"


@pytest.fixture
def environment() -> Iterator[None]:
    """What the settings put into the environment goes with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("environment")
def test_a_value_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, key, settings = tmp_path / "secret", tmp_path / "key", tmp_path / ".env"
    secret.write_text("a secret of sixteen\n")
    key.write_text("sk-provider\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    settings.write_text(f"ANTHROPIC_API_KEY_FILE={key}\nTELEGRAM_BOT_TOKEN_FILE={key}\n")
    found = load_settings(tmp_path)
    assert found.server.secret_key == "a secret of sixteen"
    assert found.with_prefix("TELEGRAM_")["bot_token"] == "sk-provider"
    # A model provider's own library looks for its key in the environment.
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-provider"


def test_what_a_file_cannot_give_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for value, said in (
        (str(tmp_path / "none"), "cannot be read: No such file or directory."),
        (str(tmp_path), "cannot be read: Is a directory."),
        (str(empty), "names an empty file."),
    ):
        monkeypatch.setenv("SECRET_KEY_FILE", value)
        with pytest.raises(SettingsError, match=f"SECRET_KEY_FILE .*{said}"):
            load_settings(tmp_path)
    monkeypatch.setenv("SECRET_KEY", "another of sixteen")
    with pytest.raises(SettingsError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        load_settings(tmp_path)


def test_other_programs_files_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert "SSL_CERT" not in load_settings(tmp_path).variables


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("wanted", ["", "langsmith"])
def test_models_are_traced_only_where_our_own_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    for name in TRACING:
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("LLM_TRACING", wanted)
    load_settings(tmp_path)
    assert {os.environ[name] for name in TRACING} == {"true" if wanted else "false"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "http", "use a whole number"),
        ("PORT", "99999", "use 65535 or less"),
        ("AUDIT_SHARE", "much", "use a number"),
        ("AUTO_SEND_TARGET_PRECISION", "0.1", "use 0.5 or more"),
        ("LOG_FORMAT", "xml", "use 'text' or 'json'"),
        ("SECRET_KEY", "short", "use at least 16 characters"),
    ],
)
def test_what_is_wrong_is_said_in_our_words(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings({name: value})


def test_a_misspelt_name_is_told_from_other_programs_names() -> None:
    set_here = dict.fromkeys(
        ("PUBLIC_ULR", "SMTP_PASWORD", "DESK_HOURS", "SECRET_KEY_FILE", "PATH", "HOME", "HOSTNAME"),
        "x",
    )
    assert list(misspelt(set_here)) == [
        ("PUBLIC_ULR", "PUBLIC_URL"),
        ("SMTP_PASWORD", "SMTP_PASSWORD"),
    ]
