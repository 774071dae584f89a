"""A polling reply is decoded as JavaScript encodes it; an invalid one is a ValueError at once."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.stream.polling import MAX_PACKETS, packets_of


@pytest.mark.parametrize(
    ("reply", "packets"),
    [
        (b"2:40", ["40"]),
        (b'2:405:42["a1:6', ["40", '42["a', "6"]),
        ("4:4🔌x2:40".encode(), ["4🔌x", "40"]),  # a surrogate pair counts twice
        ("3:4एक2:40".encode(), ["4एक", "40"]),
        (b"\x00\x02\xff40\x01\x01\x00\xff\x04123456789", [b"40", b"\x04123456789"]),
    ],
    ids=["one", "many", "emoji", "hindi", "binary"],
)
def test_packets_follow_each_other_by_their_lengths(reply: bytes, packets: list[str | bytes]) -> None:
    assert packets_of(reply) == packets


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"x",
        b"40",
        b":40",
        b"-9:40",
        b"0:",
        b"1e1:4",
        b"\xff\xff",
        b"\x00",
        b"\x00\x02",
        b"\x00\xff40",
        b"\x02\x01\xff4",
        b"9" * 4_000_000,
        b"\x00" + b"\x01" * 4_000_000,
        b"1:4" * (MAX_PACKETS + 1),
    ],
    ids=lambda reply: repr(reply[:12]),
)
def test_an_invalid_reply_is_rejected_at_once(reply: bytes) -> None:
    started = time.process_time()  # of this process: other programs use the machine, too
    with pytest.raises(ValueError, match=r"the reply holds|decode"):
        packets_of(reply)
    assert time.process_time() - started < 2.0


@given(st.one_of(st.binary(), st.text('0123456789:4b-[]"x').map(str.encode), st.binary().map(b"\0\1".__add__)))
def test_any_bytes_are_packets_or_a_value_error(reply: bytes) -> None:
    try:
        packets = packets_of(reply)
    except ValueError:
        return
    assert all(packets)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_packets_encoded_by_javascript_are_decoded(packets: list[str]) -> None:
    encoded = "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets)
    assert packets_of(encoded.encode()) == packets
