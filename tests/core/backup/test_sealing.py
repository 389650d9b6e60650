"""A sealed stream comes back as it was, and not at all where one bit of it is another."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.backup import sealing
from core.backup.sealing import BLOCK_BYTES, MAGIC, SealedReader, SealingWriter, WrongKey

KEY = "a key of sixteen and more"


@pytest.fixture(scope="module", autouse=True)
def quick_keys() -> None:
    """The cost of a key is for those who guess it; here it only takes time."""
    sealing.COST = 2


def sealed(content: bytes, *, key: str = KEY) -> bytes:
    """The file that this content becomes."""
    file = io.BytesIO()
    writer = SealingWriter(file, key)
    for start in range(0, len(content), 700_001):
        writer.write(content[start : start + 700_001])
    writer.close()
    return file.getvalue()


def opened(file: bytes, *, key: str = KEY) -> bytes:
    """The content of such a file."""
    stream = io.BytesIO(file)
    assert stream.read(len(MAGIC)) == MAGIC
    return SealedReader(stream, key).read()


@pytest.mark.parametrize(
    "size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES]
)
def test_what_was_sealed_comes_back(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert opened(sealed(content)) == content


def test_it_is_read_in_pieces_as_a_file_is() -> None:
    content = bytes(1000) + b"end"
    stream = io.BytesIO(sealed(content)[len(MAGIC) :])
    reader = SealedReader(stream, KEY)
    assert [reader.read(600), reader.read(600), reader.read(600)] == [
        content[:600], content[600:], b"",
    ]  # fmt: skip


def test_nothing_of_it_can_be_read() -> None:
    assert b"customers" not in sealed(b"customers' words" * 1000)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(WrongKey):
        opened(sealed(b"words"), key="another key of sixteen")


@settings(max_examples=30, deadline=None)
@given(where=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_bit_changed_is_found(where: int, bit: int) -> None:
    file = bytearray(sealed(b"words" * 100))
    file[len(MAGIC) + where % (len(file) - len(MAGIC))] ^= 1 << bit
    with pytest.raises(WrongKey):
        opened(bytes(file))


def test_blocks_cut_off_left_out_or_swapped_are_found() -> None:
    file = sealed(b"a" * BLOCK_BYTES + b"b" * BLOCK_BYTES + b"c")
    head, whole = len(MAGIC) + sealing.SALT_BYTES, BLOCK_BYTES + sealing.TAG_BYTES
    start, one, two, last = (
        file[:head], file[head : head + whole], file[head + whole : head + 2 * whole],
        file[head + 2 * whole :],
    )  # fmt: skip
    assert opened(start + one + two + last) == b"a" * BLOCK_BYTES + b"b" * BLOCK_BYTES + b"c"
    for broken in (one + two, one + last, two + one + last, one + two + last[:-1], b""):
        with pytest.raises(WrongKey):
            opened(start + broken)
