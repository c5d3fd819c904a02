"""HTTP requests with the status they deserve, and JSON frames with the code they deserve."""

def request(line: str, *headers: str, body: str = "") -> bytes:
    return (line + "\r\n" + "".join(one + "\r\n" for one in headers) + "\r\n" + body).encode("latin-1")


UPGRADE = ("Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def upgrade(without: str = "", *more: str, line: str = "GET /ws HTTP/1.1") -> bytes:
    return request(line, *[one for one in UPGRADE if not without or not one.startswith(without)], *more)


HTTP = [
    ("no host", request("GET /health HTTP/1.1"), 400),
    ("two hosts", request("GET /health HTTP/1.1", "Host: localhost", "Host: other"), 400),
    ("a host that is not here", request("GET /health HTTP/1.1", "Host: evil.example"), 403),
    ("Content-Length and Transfer-Encoding",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Length: 2", "Transfer-Encoding: chunked",
             body="0\r\n\r\n"), 400),
    ("two lengths", request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Length: 2", "Content-Length: 3",
                            body="{}"), 400),
    ("a negative length", request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Length: -2"), 400),
    ("a length that is no number", request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Length: 0x2"), 400),
    ("a declared body over the limit",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Length: 99999999999"), 413),
    ("a chunk over the limit",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", body="fffffff\r\n"), 413),
    ("a chunk that is no number",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", body="zz\r\n"), 400),
    ("another transfer encoding",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Transfer-Encoding: gzip"), 501),
    ("headers beyond 16 KiB", request("GET /health HTTP/1.1", "Host: localhost", "X: " + "a" * 17_000), 431),
    ("a target beyond 8 KiB", request("GET /" + "a" * 9_000 + " HTTP/1.1", "Host: localhost"), 414),
    ("a bad percent code", request("GET /%zz HTTP/1.1", "Host: localhost"), 400),
    ("a NUL in the path", request("GET /%00 HTTP/1.1", "Host: localhost"), 400),
    ("a path that climbs", request("GET /v1/meshes/%2e%2e%2f%2e%2e%2fetc HTTP/1.1", "Host: localhost"), 404),
    ("an old version", request("GET /health HTTP/2.0", "Host: localhost"), 505),
    ("a line ended by LF alone", b"GET /health HTTP/1.1\nHost: localhost\n\n", 400),
    ("a space before the colon", request("GET /health HTTP/1.1", "Host : localhost"), 400),
    ("a folded header", request("GET /health HTTP/1.1", "Host: localhost", "A: b", " c"), 400),
    ("no request at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n", 400),
    ("a method that is not for this path", request("DELETE /health HTTP/1.1", "Host: localhost"), 405),
    ("an unknown path", request("GET /nowhere HTTP/1.1", "Host: localhost"), 404),
    ("metrics without a token", request("GET /metrics HTTP/1.1", "Host: localhost"), 401),
    ("a mesh without a token",
     request("POST /v1/meshes HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 2",
             body="{}"), 401),
    ("a join with broken JSON",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 5",
             body='{"a":'), 400),
    ("a join without its fields",
     request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 2",
             body="{}"), 400),
    ("an upgrade without its key", upgrade("Sec-WebSocket-Key"), 400),
    ("an upgrade of an old version", upgrade("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426),
    ("an upgrade of another site", upgrade("", "Origin: https://evil.example"), 403),
    ("an upgrade to another path", upgrade(line="GET /other HTTP/1.1"), 404),
]

DEEP = "[" * 40 + "]" * 40

#: Texts of a frame, and the code of the error that answers it; the connection goes on.
JSON = [
    ("nothing", "", "bad_frame"),
    ("no object", "[1]", "bad_frame"),
    ("broken", '{"type":', "bad_frame"),
    ("bytes after the value", '{"type":"whoami"} x', "bad_frame"),
    ("a name twice", '{"type":"whoami","type":"whoami"}', "bad_frame"),
    ("a name twice, deep inside", '{"type":"set_state","key":"k","value":{"a":1,"a":2}}', "bad_frame"),
    ("a byte order mark", '\ufeff{"type":"whoami"}', "bad_frame"),
    ("a number beyond a double", '{"type":"set_state","key":"k","value":1e999}', "bad_frame"),
    ("an integer beyond 64 bits", '{"type":"set_state","key":"k","value":18446744073709551616}', "bad_frame"),
    ("minus zero", '{"type":"set_state","key":"k","value":-0}', "bad_frame"),
    ("a leading zero", '{"type":"set_state","key":"k","value":01}', "bad_frame"),
    ("a lone surrogate", '{"type":"set_state","key":"k","value":"\\ud800"}', "bad_frame"),
    ("a control character", '{"type":"set_state","key":"k","value":"\t"}', "bad_frame"),
    ("too deep", '{"type":"set_state","key":"k","value":' + DEEP + "}", "bad_frame"),
    ("a type that is no text", '{"type":7}', "bad_frame"),
    ("an unknown type", '{"type":"teleport"}', "unknown_type"),
    ("a member that is a text where a number belongs", '{"type":"send","targetSpec":"*","ttl":"x"}', "invalid_argument"),
    ("a time to live below zero", '{"type":"send","targetSpec":"*","ciphertext":"aGk=","ttl":-1}', "invalid_argument"),
    ("a time to live for ever",
     '{"type":"send","targetSpec":"*","ciphertext":"aGk=","ttl":1000000000000}', "invalid_argument"),
    ("a body that is no base64", '{"type":"send","targetSpec":"*","ciphertext":"a"}', "invalid_argument"),
    ("a nonce of another length",
     '{"type":"send","targetSpec":"*","nonce":"aGk=","ciphertext":"aGk="}', "invalid_argument"),
    ("a body beyond the limit", '{"type":"send","targetSpec":"*","ciphertext":"' + "A" * 100_000 + '"}', "too_large"),
    ("an unknown recipient", '{"type":"send","targetSpec":"nobody","ciphertext":"aGk="}', "unknown_target"),
    ("plain text to a member", '{"type":"send","targetSpec":"witness","ciphertext":"aGk="}', "plaintext_refused"),
    ("an id beyond its limit",
     '{"type":"send","targetSpec":"*","ciphertext":"aGk=","client_message_id":"' + "x" * 129 + '"}',
     "invalid_argument"),
    ("257 targets", '{"type":"send","ciphertext":"aGk=","targetSpec":[' + ",".join(['"a"'] * 257) + "]}",
     "invalid_argument"),
    ("a message of another is acknowledged", '{"type":"client_ack","_reqId":"r","messageIds":["0000000000000"]}',
     "not_found"),
    ("1,001 acknowledgements", '{"type":"client_ack","_reqId":"r","messageIds":[' + ",".join(['"x"'] * 1001) + "]}",
     "invalid_argument"),
    ("a right that the member has not", '{"type":"add_member","name":"eve","pubkey":"' + "ab" * 32 + '"}', "forbidden"),
    ("a key that is no key", '{"type":"set_state","key":"","value":1}', "invalid_argument"),
    ("a second hello", '{"type":"session_hello"}', "already_greeted"),
]
