"""The client promises what it promises, whatever stands in the operator's address."""

from __future__ import annotations

import pytest
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from core.errors import SetupError
from core.storage.client import OPERATION_SECONDS, connect, refuse_weaker

SET = "mongodb://a.example:27017,b.example:27017/?replicaSet=rs"


async def test_what_is_acknowledged_is_kept_and_what_is_read_stays() -> None:
    client = connect(f"{SET}&w=1&readPreference=secondary")
    try:
        log = client["contact_center"]["log"]
        assert log.write_concern == WriteConcern("majority", j=True)
        assert log.read_concern == ReadConcern("majority")
        assert log.read_preference == ReadPreference.PRIMARY
        assert client.options.timeout == OPERATION_SECONDS
        assert client.options.retry_writes
    finally:
        await client.close()


@pytest.mark.parametrize(
    "weaker",
    [
        "w=1",
        "w=0",
        "journal=false",
        "retryWrites=false",
        "retryReads=false",
        "readConcernLevel=local",
        "readPreference=secondaryPreferred",
    ],
)
def test_an_address_that_asks_for_less_is_refused_by_name(weaker: str) -> None:
    with pytest.raises(SetupError, match=weaker.partition("=")[0]):
        refuse_weaker(f"{SET}&{weaker}")


@pytest.mark.parametrize(
    "address",
    [
        SET,
        f"{SET}&w=majority&journal=true&retryWrites=true&readPreference=primary",
        "mongodb://127.0.0.1:1/?directConnection=true&journal=false",
        "nonsense",
    ],
)
def test_any_other_address_is_for_the_driver_to_judge(address: str) -> None:
    refuse_weaker(address)
