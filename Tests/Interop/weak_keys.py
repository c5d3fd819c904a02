"""Public keys that may not enter: every encoding of the points of order 1, 2, 4 and 8, encodings of other points that are not
the canonical ones, and encodings of no point at all; and how to sign under those of small order without any secret."""

from __future__ import annotations

import hashlib

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

EIGHTH = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
OTHER_EIGHTH = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"


def with_sign(encoding: str) -> str:
    data = bytearray.fromhex(encoding)
    data[31] |= 0x80
    return data.hex()


def number(value: int) -> str:
    return value.to_bytes(32, "little").hex()


#: The points whose order divides 8, as multiples of one of order 8.
TORSION = [number(1), OTHER_EIGHTH, with_sign(number(0)), EIGHTH, number(PRIME - 1), with_sign(EIGHTH), number(0),
           with_sign(OTHER_EIGHTH)]

#: Every encoding of those points, with the multiple that it means.
SMALL_ORDER = {encoding: place for place, encoding in enumerate(TORSION)} | {
    with_sign(number(1)): 0, number(PRIME + 1): 0, with_sign(number(PRIME + 1)): 0,  # x = 0 has no sign
    with_sign(number(PRIME - 1)): 4,
    number(PRIME): 6, with_sign(number(PRIME)): 2,
}

#: Encodings of points of large order with a y that is not below the prime.
NOT_CANONICAL = [form(number(PRIME + y)) for y in (3, 4, 5, 6, 9, 10, 14, 15, 16, 18) for form in (str, with_sign)]

#: No point has such a y.
NO_POINT = [form(number(y)) for y in (2, 7, 8, 11, PRIME + 2, PRIME + 17) for form in (str, with_sign)]

ALL = [*SMALL_ORDER, *NOT_CANONICAL, *NO_POINT]


class WeakKey:
    """Nobody has its secret; under a point of small order everybody can sign, mostly at the first try."""

    def __init__(self, encoding: str) -> None:
        self.hex = encoding

    def sign(self, text: str | bytes) -> str:
        message = text.encode() if isinstance(text, str) else text
        place = SMALL_ORDER.get(self.hex)
        for number_of_r, encoding in enumerate(TORSION if place is not None else []):
            data = bytes.fromhex(encoding) + bytes.fromhex(self.hex) + message
            k = int.from_bytes(hashlib.sha512(data).digest(), "little") % ORDER
            # The check is R = S B - k A, here with S = 0.
            if (number_of_r + k * (place or 0)) % 8 == 0:
                return encoding + "00" * 32
        return "00" * 64
