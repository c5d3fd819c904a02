"""Topics, as the claudemesh SDK and its bridge use them, and as our own clients do."""

import asyncio

import pytest
from harness import Mesh
from mesh_client import Refused
from mesh_keys import Key, unb64


@pytest.mark.parametrize("by", ["legacy", "peer"])
@pytest.mark.parametrize("to", ["legacy", "peer"])
async def test_a_bare_topic_name_reaches_its_members_live(mesh, by, to):
    sender, reader, outsider = await getattr(mesh, by)("sender"), await getattr(mesh, to)("reader"), await mesh.peer("out")
    made = await sender.request("topic_create", name="general", description="all of it")
    assert made["type"] == "topic_created" and made["created"] is True
    assert set(made["topic"]) == {"id", "name", "visibility"} and made["topic"]["visibility"] == "public"
    await reader.write({"type": "topic_join", "topic": "general"})
    assert (await reader.request("topic_list"))["topics"][0]["memberCount"] == 2
    ack = await sender.say("#general", "hello topic")
    push, text = await reader.message()
    assert (text, push["topic"], push["messageId"]) == ("hello topic", "general", ack["messageId"])
    assert push["encrypted"] is False
    await sender.say(f"#{made['topic']['id']}", "by id")
    assert (await reader.message())[1] == "by id"
    await sender.say("*", "end")
    assert (await outsider.message())[1] == "end"
    assert len(outsider.pushes()) == 1


async def test_the_wire_of_topics_is_claudemeshs(mesh):
    ada, bob = await mesh.legacy("ada"), await mesh.legacy("bob")
    await ada.request("topic_create", name="deploys")
    assert (await bob.request("topic_create", name="deploys"))["created"] is False
    listed = (await bob.request("topic_list"))["topics"]
    assert [(row["name"], row["description"], row["memberCount"]) for row in listed] == [("deploys", None, 2)]
    members = await ada.request("topic_members", topic="deploys")
    assert members["topic"] == "deploys"
    assert {row["displayName"]: row["role"] for row in members["members"]} == {"ada": "lead", "bob": "member"}
    assert all(set(row) == {"memberId", "pubkey", "displayName", "role", "joinedAt", "lastReadAt"}
               for row in members["members"])
    first = await ada.say("#deploys", "one")
    await ada.say("#deploys", "two", replyToId=first["messageId"])
    page = await bob.request("topic_history", topic="deploys", limit=1)
    assert page["type"] == "topic_history_response"
    assert [unb64(one["ciphertext"]) for one in page["messages"]] == [b"two"]
    assert page["messages"][0]["replyToId"] == first["messageId"]
    older = await bob.request("topic_history", topic="deploys", beforeId=page["messages"][0]["id"])
    assert [unb64(one["ciphertext"]) for one in older["messages"]] == [b"one"]
    await bob.write({"type": "topic_mark_read", "topic": "deploys"})
    rows = (await bob.request("topic_members", topic="deploys"))["members"]
    assert [row["lastReadAt"] is not None for row in rows if row["displayName"] == "bob"] == [True]
    await bob.write({"type": "topic_leave", "topic": "deploys"})
    assert [row["displayName"] for row in (await ada.request("topic_members", topic="deploys"))["members"]] == ["ada"]
    with pytest.raises(Refused) as refused:
        await bob.request("topic_join", topic="deplois")
    assert refused.value.code == "not_found" and "#deploys" in refused.value.hint


async def test_an_away_member_gets_what_it_missed_once(mesh):
    ada = await mesh.peer("ada")
    await ada.request("topic_create", name="news")
    key = Key()
    bob = await mesh.peer("bob", key)
    await bob.request("topic_join", topic="news")
    await bob.close()
    texts = [f"missed {n}" for n in range(5)]
    for text in texts:
        await ada.say("#news", text)
    again = await mesh.peer("bob", key, replace=True)
    assert await again.texts(5) == texts
    await again.request("whoami")
    await again.close()
    once_more = await mesh.peer("bob", key, replace=True)
    await ada.say("#news", "live")
    assert (await once_more.message())[1] == "live"
    assert len(once_more.pushes()) == 1


class Bridge:
    """As the claudemesh SDK's bridge: forwards readable texts of a topic to the other mesh, with a hop count before
    the text, and drops what has too many hops or comes from itself."""

    MAX_HOPS = 2

    def __init__(self, one, two, topic: str) -> None:
        self.sides, self.topic, self.tasks = (one, two), topic, []
        self.keys = {one.session.hex, two.session.hex}

    async def start(self) -> None:
        for side, other in (self.sides, self.sides[::-1]):
            await side.write({"type": "topic_join", "topic": self.topic})
            side.on_frame = lambda frame, side=side, other=other: self.take(side, other, frame)

    def take(self, side, other, frame) -> None:
        if frame.get("type") != "push" or frame.get("subtype") == "system" or frame["senderPubkey"] in self.keys:
            return
        text = side.read(frame)
        hop = 0
        if text.startswith("__cmh"):
            mark, text = text.split(":", 1)
            hop = int(mark[5:])
        if hop + 1 > self.MAX_HOPS:
            return
        self.tasks.append(asyncio.create_task(other.say(f"#{self.topic}", f"__cmh{hop + 1}:{text}")))


async def test_a_bridge_between_two_meshes_forwards_a_topic_without_loops(mesh, tmp_path):
    other = await Mesh(mesh.broker, tmp_path / "other").create()
    try:
        here, there = await mesh.peer("ada"), await other.peer("zoe")
        for side in (here, there):
            await side.request("topic_create", name="shared")
        bridges = []
        for name in ("bridge-one", "bridge-two"):
            bridge = Bridge(await mesh.legacy(name), await other.legacy(name), "shared")
            await bridge.start()
            bridges.append(bridge)
        await here.request("whoami")
        await here.say("#shared", "over the bridge")
        # Each of the two bridges carries it over once; each then carries the other's copy back, which is one hop more,
        # and there it ends.
        assert sorted(await there.texts(2)) == ["__cmh1:over the bridge"] * 2
        assert sorted(await here.texts(2)) == ["__cmh2:over the bridge"] * 2
        await asyncio.gather(*(task for bridge in bridges for task in bridge.tasks))
        await there.say("#shared", "__cmh2:tired")
        await there.say("#shared", "back")
        assert sorted(await here.texts(2)) == ["__cmh1:back"] * 2
        assert sorted(await there.texts(2)) == ["__cmh2:back"] * 2
        assert len(here.pushes()) == 4 and len(there.pushes()) == 4
        await asyncio.gather(*(task for bridge in bridges for task in bridge.tasks))
    finally:
        await other.finish()


async def test_the_command_line_knows_topics(mesh):
    ada, bob = await mesh.cli("ada"), await mesh.cli("bob")
    await ada.run("topic", "create", "deploys", "--about", "what goes out")
    await bob.run("topic", "join", "#deploys")
    listener = await mesh.listen(bob)
    await ada.run("send", "#deploys", "api is out, @bob please look")
    line = await listener.text("api is out, @bob please look")
    assert (line["topic"], line["mentions"], line["kind"]) == ("deploys", ["bob"], "topic")
    row = (await bob.run("topic", "list", "--json")).json["topics"][0]
    assert (row["name"], row["unread"], row["mentions"], row["role"]) == ("deploys", 1, 1, "member")
    assert "api is out" in (await bob.run("topic", "mentions", "--unread")).out
    assert "api is out" in (await bob.run("topic", "history", "deploys", "--read")).out
    assert (await bob.run("topic", "list", "--json")).json["topics"][0]["unread"] == 0
    table = (await ada.run("topic", "members", "deploys")).out
    assert "ada" in table and "lead" in table and "bob" in table
    missing = await bob.run("topic", "history", "deploy", code=5)
    assert "#deploys" in missing.err
    await bob.run("topic", "leave", "deploys")
    assert [one["displayName"] for one in (await ada.run("topic", "members", "deploys", "--json")).json["members"]] == ["ada"]
