"""Peers that send and receive under faults. A peer that loses its connection comes back and sends again, with the same
ids and the same bytes, everything that was not acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
import secrets
from collections import OrderedDict

import websockets

from history import History
from mesh_client import MeshClient, Refused
from mesh_keys import Frame, Key

# A connection that the broker's death has cut is no news here.
logging.getLogger("asyncio").setLevel(logging.ERROR)

GROUP = "team"
#: Sends of one peer that may be unanswered.
WINDOW = 16


class Peer:
    """One member with one session: sends in its own order, acknowledges what it has handled."""

    def __init__(self, name: str, mesh_id: str, member: Key, node: str, history: History, seed: int) -> None:
        self.name, self.mesh_id, self.member, self.node, self.history = name, mesh_id, member, node, history
        self.session = Key()
        self.random = random.Random(seed)
        self.others: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        #: Frames by their id, in the order in which they were first sent, until they are acknowledged.
        self.open: OrderedDict[str, tuple[Frame, str, int]] = OrderedDict()
        self.sending = False
        self.stopping = False
        self.client: MeshClient | None = None

    # --- the connection ----------------------------------------------------------------------------------------

    async def run(self, url: str) -> None:
        """Stays connected until told to stop."""
        while not self.stopping:
            client = MeshClient(url, self.mesh_id, self.member, self.session, self.node, auto_ack=False)
            client.on_frame = lambda frame, client=client: self.take(client, frame)
            try:
                await client.hello(replace=True, groups=[{"name": GROUP}])
                self.client = client
                for frame, _, _ in list(self.open.values()):
                    await client.write(frame)
                await self.send_while_connected(client)
            except (OSError, AssertionError, Refused, websockets.WebSocketException, TimeoutError):
                pass
            finally:
                self.client = None
                try:
                    await client.close()
                except (OSError, AttributeError, websockets.WebSocketException):
                    pass
            await asyncio.sleep(0.02)

    async def send_while_connected(self, client: MeshClient) -> None:
        while client.close_code is None and not self.stopping:
            # What a connection has kept is not needed here, and would only grow.
            client.inbox.clear()
            client.history.clear()
            while self.sending and len(self.open) < WINDOW:
                await client.write(self.next_frame(client))
            await asyncio.sleep(self.random.uniform(0.001, 0.02))

    # --- sending -----------------------------------------------------------------------------------------------

    def next_frame(self, client: MeshClient) -> Frame:
        kind = self.random.choice(["direct", "direct", "direct", "group", "all"])
        other = self.random.choice(list(self.others))
        conversation = {"direct": f"d:{other}", "group": f"@{GROUP}", "all": "*"}[kind]
        target = self.others[other] if kind == "direct" else conversation
        n = self.numbers[conversation] = self.numbers.get(conversation, -1) + 1
        body = secrets.token_hex(self.random.choice([8, 60, 400]))
        text = json.dumps({"sender": self.name, "conversation": conversation, "n": n, "body": body,
                           "sha256": hashlib.sha256(body.encode()).hexdigest()})
        name = f"{self.name}|{conversation}|{n}"
        extra = {} if kind == "direct" else {"encrypted": False}
        frame = client.frame_to(target, text, id=name, client_message_id=name, **extra)
        self.open[name] = (frame, conversation, n)
        self.history.add("invoke", sender=self.name, conversation=conversation, n=n,
                         digest=hashlib.sha256(body.encode()).hexdigest())
        return frame

    # --- receiving ---------------------------------------------------------------------------------------------

    def take(self, client: MeshClient, frame: Frame) -> None:
        kind = frame.get("type")
        if kind == "ack":
            self.answered(frame)
        elif kind == "push" and frame.get("subtype") != "system":
            self.received(client, frame)
        elif kind == "acknowledged" and str(frame.get("_reqId", "")).startswith("ack:"):
            self.history.add("settled", peer=self.name, message_id=frame["_reqId"][4:])

    def answered(self, frame: Frame) -> None:
        if frame["id"] not in self.open:
            return
        _, conversation, n = self.open[frame["id"]]
        if frame["queued"]:
            del self.open[frame["id"]]
            self.history.add("ok", sender=self.name, conversation=conversation, n=n, message_id=frame["messageId"])
        elif not any(word in frame.get("error", "") for word in ("busy", "shutting_down", "storage", "rate_limit")):
            del self.open[frame["id"]]
            self.history.add("fail", sender=self.name, conversation=conversation, n=n, note=frame.get("error", ""))

    def received(self, client: MeshClient, frame: Frame) -> None:
        try:
            text = json.loads(client.read(frame))
            digest = hashlib.sha256(text["body"].encode()).hexdigest()
            self.history.add(
                "received", peer=self.name, sender=text["sender"], conversation=text["conversation"], n=text["n"],
                message_id=frame["messageId"], attempt=frame["attempt"], digest=digest,
                intact=digest == text["sha256"])
        except (AssertionError, ValueError, KeyError) as error:
            self.history.add("received", peer=self.name, message_id=frame["messageId"], intact=False, note=str(error))
        client.write_soon(
            {"type": "client_ack", "_reqId": "ack:" + frame["messageId"], "messageIds": [frame["messageId"]]})

    def give_up(self) -> None:
        """What is still unanswered may or may not be stored."""
        for _, conversation, n in self.open.values():
            self.history.add("info", sender=self.name, conversation=conversation, n=n)
