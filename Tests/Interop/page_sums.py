"""The checksums of a mesh file's pages, written from their description: what somebody with the file can make, too."""

from __future__ import annotations

import struct
from pathlib import Path

MASK = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9


def rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def stepped(lane: int, word: int) -> int:
    return rotated((lane + word * P2) & MASK, 31) * P1 & MASK


def checksum(page: bytes, place: int) -> int:
    """The checksum of a page without its last eight bytes; pages count from 0."""
    words = struct.unpack(f"<{len(page) // 8}Q", page)
    lanes = [(place + P1 + P2) & MASK, (place + P2) & MASK, place, (place - P1) & MASK]
    whole = len(words) // 4 * 4
    for at in range(0, whole, 4):
        lanes = [stepped(lane, word) for lane, word in zip(lanes, words[at:at + 4])]
    total = (sum(rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) + len(page)) & MASK
    for word in words[whole:]:
        total = (rotated(total ^ stepped(0, word), 27) * P1 + P3) & MASK
    total = (total ^ total >> 33) * P2 & MASK
    total = (total ^ total >> 29) * P3 & MASK
    return total ^ total >> 32


def sum_again(path: Path) -> None:
    """Gives every page of a closed file the checksum of what it holds now."""
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    assert data[20] == 8, "the pages carry no checksums"
    for place in range(len(data) // size):
        end = (place + 1) * size
        data[end - 8:end] = struct.pack("<Q", checksum(bytes(data[place * size:end - 8]), place))
    path.write_bytes(data)
