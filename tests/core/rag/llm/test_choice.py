"""The chosen model: sealed, followed by every process, and its key goes nowhere else."""

from __future__ import annotations

import asyncio

import pytest

from config.settings import read_settings
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.accounts.secret_box import SecretBox
from core.errors import BadInput, Forbidden, SetupError
from core.rag.llm.chat_model import ModelSettings
from core.rag.llm.choice import KeyNeeded, ModelChoices, Source, WantedModel
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

ADA = User(id="u1", email="ada@example.com", role=Role.ADMIN)
SARA = User(id="u2", email="sara@example.com", role=Role.SUPERVISOR)
KEY = "sk-a-key-that-must-not-stand-anywhere"
OWN = WantedModel(source=Source.CONSOLE, model="openai:own", api_key=KEY)


def choices(
    db: Database, clock: ManualClock, *, keys: tuple[str, ...] = ("the secret key",), **env: str
) -> ModelChoices:
    """Those of one process with this environment."""

    async def reach(address: str) -> None:
        if "10.0." in address:
            raise BadInput("This address is not on the internet.")

    return ModelChoices(
        db["company"],
        environment=read_settings(env).llm,
        seal=SecretBox(keys),
        audit=Audit(db, clock=clock),
        clock=clock,
        reach=reach,
    )


def asked(models: ModelChoices) -> tuple[str, dict[str, object]]:
    """The model that is asked, and with what of its own."""
    settings = models.settings()
    assert settings is not None
    return settings.model, dict(settings.options.get("openai", {}))


async def test_what_is_chosen_stands_before_the_environment(
    db: Database, clock: ManualClock
) -> None:
    models = choices(db, clock, LLM_MODEL="openai:env", LLM_FALLBACK_MODELS="openai:other")
    await models.load()
    assert asked(models) == ("openai:env", {})
    await models.save(ADA, OWN)
    assert asked(models) == ("openai:own", {"api_key": KEY})
    settings = models.settings()
    assert settings is not None
    assert settings.fallbacks == ()
    await models.save(ADA, WantedModel(source=Source.NONE))
    assert models.settings() is None
    await models.save(ADA, WantedModel(source=Source.ENVIRONMENT))
    assert asked(models) == ("openai:env", {})


async def test_the_key_is_sealed_and_stands_in_no_audit(db: Database, clock: ManualClock) -> None:
    with pytest.raises(Forbidden):
        await choices(db, clock).save(SARA, OWN)
    await choices(db, clock).save(ADA, OWN)
    everything = [await db[name].find({}).to_list() for name in ("company", "audit")]
    assert KEY not in str(everything)
    other = choices(db, clock, keys=("another key",))
    await other.load()
    with pytest.raises(KeyNeeded, match="another SECRET_KEY"):
        other.settings()


async def test_a_key_goes_only_where_it_was_entered_for(db: Database, clock: ManualClock) -> None:
    models = choices(db, clock)
    await models.save(ADA, OWN)
    same = WantedModel(source=Source.CONSOLE, model="openai:newer")
    await models.save(ADA, same)
    assert asked(models) == ("openai:newer", {"api_key": KEY})
    for elsewhere in (
        WantedModel(source=Source.CONSOLE, model="openai:own", base_url="https://evil.example/v1"),
        WantedModel(source=Source.CONSOLE, model="anthropic:own"),
    ):
        with pytest.raises(KeyNeeded):
            await models.save(ADA, elsewhere)
        with pytest.raises(KeyNeeded):
            await models.tried(ADA, elsewhere)
    # Not the environment's either, which a provider's library sends to any address.
    fresh = choices(db, clock, OPENAI_API_KEY="sk-env", LLM_MODEL="openai:env")
    await db["company"].delete_many({})
    await fresh.load()
    with pytest.raises(KeyNeeded):
        await fresh.save(
            ADA,
            WantedModel(
                source=Source.CONSOLE, model="openai:own", base_url="https://evil.example/v1"
            ),
        )


@pytest.mark.parametrize(
    "wrong",
    [
        WantedModel(source=Source.CONSOLE, model=""),
        WantedModel(source=Source.CONSOLE, model="gpt"),
        WantedModel(source=Source.CONSOLE, model="openai:x y"),
        WantedModel(source=Source.CONSOLE, model="openai:x", base_url="ftp://x", api_key="k"),
        WantedModel(
            source=Source.CONSOLE, model="openai:x", base_url="http://10.0.0.1", api_key="k"
        ),
    ],
)
async def test_what_cannot_be_used_is_refused(
    db: Database, clock: ManualClock, wrong: WantedModel
) -> None:
    with pytest.raises(BadInput):
        await choices(db, clock).save(ADA, wrong)
    assert await db["company"].find_one({"_id": "model"}) is None


async def test_every_process_follows_and_one_that_cannot_says_so(
    db: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.storage.following.LOOK_SECONDS", 0.02)
    one, other, lame = (choices(db, clock) for _ in range(3))
    heard: list[str] = []

    async def hears(settings: ModelSettings | None) -> None:
        heard.append(settings.model if settings else "")

    async def cannot(settings: ModelSettings | None) -> None:
        if settings is not None:
            raise SetupError("no package for it here")

    other.on_chosen(hears)
    lame.on_chosen(cannot)
    following = [asyncio.create_task(models.run()) for models in (other, lame)]
    await one.save(ADA, OWN)
    async with asyncio.timeout(10):
        while not (heard and lame.trouble):
            await asyncio.sleep(0.01)
        assert lame.trouble == "no package for it here"
        await one.save(ADA, WantedModel(source=Source.NONE))
        while heard[-1] or lame.trouble:
            await asyncio.sleep(0.01)
    for task in following:
        task.cancel()
    assert heard == ["openai:own", ""]


async def test_the_key_is_sealed_anew_with_the_newest_secret_key(
    db: Database, clock: ManualClock
) -> None:
    await choices(db, clock, keys=("old key",)).save(ADA, OWN)
    assert await choices(db, clock, keys=("new key", "old key")).reseal(ADA) == {
        "language model": 1
    }
    models = choices(db, clock, keys=("new key",))
    await models.load()
    assert asked(models) == ("openai:own", {"api_key": KEY})
