"""WebSocket frames: the bad ones with the close code that they deserve, and unusual ones that must pass (0).

The names begin with the number of the category in the Autobahn test suite that asks the same."""

import struct

from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

WHOAMI = '{"type":"whoami","_reqId":"x"}'
CAFE = '{"type":"whoami","note":"café 𝄞"}'.encode()


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


def in_pieces(data: bytes, size: int) -> list[bytes]:
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return [frame(TEXT if place == 0 else CONTINUATION, part, fin=place == len(parts) - 1)
            for place, part in enumerate(parts)]


ROWS = [
    ("1.1 a text in the 16-bit form of its length", [frame(TEXT, WHOAMI + " " * 200)], 0),
    ("1.1 a text in the 64-bit form of its length", [frame(TEXT, WHOAMI + " " * 70_000)], 0),
    ("1.2 a request in a binary frame", [frame(BINARY, WHOAMI)], 0),
    ("1.2 bytes that are no text in a binary frame", [frame(BINARY, b"\xff\x00")], 1003),
    ("2.1 an empty ping", [frame(PING)], 0),
    ("2.4 a ping of 125 bytes", [frame(PING, b"p" * 125)], 0),
    ("2.5 a ping of 126 bytes", [frame(PING, b"p" * 126)], 1002),
    ("2.7 a pong that nobody asked for", [frame(PONG, b"unsolicited")], 0),
    ("3.1 reserved bit 1", [frame(TEXT, WHOAMI, rsv=4)], 1002),
    ("3.2 reserved bit 2", [frame(TEXT, WHOAMI, rsv=2)], 1002),
    ("3.3 reserved bit 3", [frame(TEXT, WHOAMI, rsv=1)], 1002),
    ("3.5 a compressed frame although nothing was agreed", [frame(BINARY, b"\xf2H\xcd" * 20, rsv=4)], 1002),
    ("3.7 a reserved bit of a ping", [frame(PING, rsv=1)], 1002),
    *((f"4 opcode {opcode}", [frame(opcode, b"")], 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ("5.1 a ping in fragments", [frame(PING, b"a", fin=False), frame(CONTINUATION, b"b")], 1002),
    ("5.3 a text in two fragments", in_pieces(WHOAMI.encode(), 20), 0),
    ("5.6 a ping between two fragments",
     [frame(TEXT, WHOAMI[:9], fin=False), frame(PING, b"between"), frame(CONTINUATION, WHOAMI[9:])], 0),
    ("5.9 a continuation of nothing", [frame(CONTINUATION, WHOAMI)], 1002),
    ("5.11 a continuation of nothing that goes on", [frame(CONTINUATION, WHOAMI, fin=False)], 1002),
    ("5.15 a new text inside a fragmented one", [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")], 1002),
    ("5.19 an empty fragment in the middle",
     [frame(TEXT, WHOAMI[:9], fin=False), frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, WHOAMI[9:])], 0),
    ("6.2 a character split over two fragments", in_pieces(CAFE, 29), 0),
    ("6.2 every byte in a fragment of its own", in_pieces(CAFE, 1), 0),
    ("6.3 a byte that is no UTF-8", [frame(TEXT, b'{"type":"\xff"}')], 1007),
    ("6.4 bytes that are no UTF-8 in a first fragment", [frame(TEXT, b"\xf4\x90\x80\x80", fin=False)], 1007),
    ("6.8 an overlong form", [frame(TEXT, b'{"type":"\xc0\xaf"}')], 1007),
    ("6.10 a surrogate", [frame(TEXT, b'{"type":"\xed\xa0\x80"}')], 1007),
    ("6.12 a character that is cut off", [frame(TEXT, b'{"type":"\xe2\x82')], 1007),
    ("6.21 beyond the last character", [frame(TEXT, b'"\xf5\x80\x80\x80"')], 1007),
    ("7.1 what comes after a close is ignored", [closing(1000), frame(TEXT, WHOAMI), frame(PING)], 1000),
    ("7.3 a close without a code is answered without one", [frame(CLOSE)], 1005),
    ("7.3 a close of one byte", [frame(CLOSE, b"\x03")], 1002),
    ("7.3 a close of 126 bytes", [closing(1000, b"r" * 124)], 1002),
    ("7.5 a reason that is no UTF-8", [closing(1000, b"\xce\xba\xe1\xbd\xb9\xff")], 1007),
    *((f"7.7 the close code {code}", [closing(code)], code)
      for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)),
    *((f"7.9 the close code {code}", [closing(code)], 1002)
      for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)),
    ("9.1 a frame that says it is larger than the limit", [b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"abcd"], 1009),
    ("9.1 a frame with the highest bit of its length", [b"\x81\xff" + b"\xff" * 8 + b"abcd"], 1002),
    ("9.2 small fragments beyond the limit", [frame(TEXT, b" " * 60_000, fin=False),
                                              *[frame(CONTINUATION, b" " * 60_000, fin=False)] * 20], 1009),
    ("10 a request that comes byte by byte", [bytes([byte]) for byte in frame(TEXT, WHOAMI)], 0),
    ("a frame without a mask", [frame(TEXT, WHOAMI, mask=False)], 1002),
    ("a ping without a mask", [frame(PING, mask=False)], 1002),
    ("a length of 5 in the 64-bit form", [frame(TEXT, b"hello", form=64)], 1002),
    ("a length of 5 in the 16-bit form", [frame(TEXT, b"hello", form=16)], 1002),
]
