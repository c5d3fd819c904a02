"""What was acknowledged survives the death of the broker, and its end is told."""

import asyncio
import subprocess

import ledger_verify as ledger
from harness import binaries, clean_environment, poll
from mesh_client import Refused
from mesh_keys import Key, mesh_hello

COUNT = 1_000
WINDOW = 64


class Handler:
    """What a program does with its messages: once for each message id, whatever was pushed again."""

    def __init__(self):
        self.texts = {}
        self.repeated = []

    def attach(self, client):
        """Handles and then acknowledges every push of a connection."""
        def on_frame(frame):
            if frame.get("type") != "push" or frame.get("subtype") == "system":
                return
            if frame["messageId"] in self.texts:
                self.repeated.append(frame["attempt"])
            else:
                self.texts[frame["messageId"]] = client.read(frame)
            client.acknowledge_when_pushed(frame)

        client.on_frame = on_frame


async def send_all(client, frames, acknowledged, stop_at=None):
    """Sends what is not acknowledged yet, at most WINDOW at a time; stops early after `stop_at` acknowledgements."""
    open_ids, waiting = {}, list(frames)
    while waiting or open_ids:
        while waiting and len(open_ids) < WINDOW:
            frame = waiting.pop(0)
            open_ids[frame["id"]] = frame
            await client.write(frame)
        ack = await client.take(lambda f: f["type"] == "ack" and f["id"] in open_ids)
        assert ack["queued"] is True, ack
        del open_ids[ack["id"]]
        acknowledged[ack["id"]] = ack["messageId"]
        if stop_at is not None and len(acknowledged) >= stop_at:
            return


async def test_everything_acknowledged_before_a_kill_is_handled_exactly_once(own_mesh):
    mesh, broker, handler = own_mesh, own_mesh.broker, Handler()
    sender_key, recipient_key = Key(), Key()
    sender = await mesh.peer("sender", sender_key)
    recipient = await mesh.peer_unconnected("recipient", recipient_key)
    handler.attach(recipient)
    await recipient.hello()

    frames = [sender.frame_to(recipient_key.hex, str(n), client_message_id=f"m{n}") for n in range(COUNT)]
    acknowledged = {}
    await send_all(sender, frames, acknowledged, stop_at=300)
    broker.kill()
    for client in (sender, recipient):
        assert await client.closed() == 1006
    # Acknowledgements that were on their way count too: whoever saw one may rely on it.
    for frame in sender.history:
        if frame["type"] == "ack":
            acknowledged[frame["id"]] = frame["messageId"]
    assert 300 <= len(acknowledged) < COUNT
    broker.start()

    sender = await mesh.peer("sender", sender_key)
    recipient = await mesh.peer_unconnected("recipient", recipient_key)
    handler.attach(recipient)
    await recipient.hello()
    await listed_within_2_seconds(sender, {sender_key.hex, recipient_key.hex})

    again = dict(acknowledged)
    await send_all(sender, frames, again)
    assert len(again) == COUNT
    assert {name: again[name] for name in acknowledged} == acknowledged, "a retry became another message"
    await recipient.until(lambda: len(handler.texts) >= COUNT, "all messages", deadline=60)
    assert list(handler.texts.values()) == [str(n) for n in range(COUNT)]
    assert set(handler.texts) == set(again.values())
    assert all(attempt > 1 for attempt in handler.repeated)
    await ledger_is_intact(sender)


async def listed_within_2_seconds(client, keys):
    def all_online(answer):
        return keys <= {p["pubkey"] for p in answer["peers"] if p["connection"] == "online"}

    await poll(lambda: client.request("list_peers"), all_online, deadline=2)


async def ledger_is_intact(client):
    lines, size = [], 1
    while len(lines) < size:
        page = await client.request("ledger_export", **{"from": len(lines)})
        lines, size = lines + [entry.encode() for entry in page["entries"]], page["size"]
    ledger.verify_export(b"\n".join(lines), None, [page["checkpoint"]] if page.get("checkpoint") else [])


async def test_state_groups_and_status_survive_a_kill(own_mesh):
    mesh, session = own_mesh, Key()
    client = await mesh.peer("pia", session)
    written = await client.request("set_state", key="k", value={"n": 1})
    await client.request("join_group", name="eng", role="lead")
    await client.request("set_summary", summary="counting")
    await client.request("set_status", status="dnd")
    mesh.broker.kill()
    await client.closed()
    mesh.broker.start()
    back = await mesh.peer("pia", session)
    answer = await back.request("get_state", key="k")
    assert (answer["value"], answer["version"], answer["revision"]) == ({"n": 1}, 1, written["revision"])
    me = await back.request("whoami")
    assert (me["groups"], me["summary"], me["status"]) == ([{"name": "eng", "role": "lead"}], "counting", "dnd")


async def test_what_was_held_survives_a_kill(own_mesh):
    mesh, session = own_mesh, Key()
    sender, recipient = await mesh.peer("sender"), await mesh.legacy("recipient", session)
    await recipient.close()
    for number in range(20):
        await sender.say(session.hex, str(number))
    mesh.broker.kill()
    mesh.broker.start()
    back = await mesh.legacy("recipient", session)
    assert await back.texts(20) == [str(number) for number in range(20)]


async def test_a_repeated_hello_is_replayed_after_a_restart_too(own_mesh):
    client = await own_mesh.peer_unconnected("pia")
    hello = mesh_hello(own_mesh.id, client.member, client.session, own_mesh.broker.node)
    await client.greet(hello)
    own_mesh.broker.kill()
    own_mesh.broker.start()
    again = await own_mesh.peer_unconnected("pia", client.session)
    try:
        await again.greet(hello)
    except Refused as refused:
        assert refused.code in ("replayed", "timestamp_skew")
    else:
        raise AssertionError("a hello of before the restart was taken a second time")


async def test_sigterm_closes_every_socket_with_1001_and_exits_0(own_mesh):
    clients = [await own_mesh.peer("pia"), await own_mesh.legacy("quinn")]
    acks = [await clients[0].say("*", str(number)) for number in range(50)]
    ending = asyncio.create_task(asyncio.to_thread(own_mesh.broker.terminate))
    assert [await client.closed() for client in clients] == [1001, 1001]
    assert await ending == 0
    own_mesh.broker.start()
    back = await own_mesh.peer("pia", clients[0].session)
    for ack in acks:
        assert (await back.status_of(ack["messageId"]))["messageId"] == ack["messageId"]


def test_a_second_broker_on_the_same_folder_is_refused(own_broker, tmp_path):
    second = subprocess.run(
        [binaries() / "meshd", "--data", own_broker.data, "--listen", "127.0.0.1:0", "--ready-file",
         tmp_path / "second.json"],
        capture_output=True, timeout=20, env=clean_environment(tmp_path), stdin=subprocess.DEVNULL)
    assert second.returncode != 0 and not (tmp_path / "second.json").exists()
    assert str(own_broker.data) in (second.stderr + second.stdout).decode()
    assert own_broker.process.poll() is None


async def test_the_node_is_the_same_after_a_restart(own_mesh):
    node = own_mesh.broker.node
    assert own_mesh.broker.terminate() == 0
    own_mesh.broker.start()
    assert own_mesh.broker.node == node
    assert (await own_mesh.owner.run("whoami", "--json")).json["meshId"] == own_mesh.id
