"""A client that is killed at any moment: what it has accepted arrives, and is handled once."""

import asyncio
import random
import subprocess

import pytest
from harness import binaries, poll


class DurablePeer:
    """One run of `durable-peer`, which may be killed."""

    def __init__(self, mesh, home, *words: str) -> None:
        self.process = subprocess.Popen(
            [binaries() / "durable-peer", words[0], mesh.slug, *words[1:]], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=home.environment)

    def accepted(self, count: int) -> int:
        """Reads until so many messages were accepted, or it has ended."""
        seen = 0
        while seen < count and (line := self.process.stdout.readline()):
            seen += line.startswith("accepted")
        return seen

    def kill(self) -> int:
        """Kills it; how many more it had accepted by then."""
        self.process.kill()
        self.process.wait()
        return sum(line.startswith("accepted") for line in self.process.stdout)

    def line(self) -> str:
        return self.process.stdout.readline().strip()


@pytest.fixture
def started():
    running: list[DurablePeer] = []
    yield running.append
    for peer in running:
        if peer.process.poll() is None:
            peer.kill()


def lines(path) -> list[str]:
    return path.read_text().split() if path.exists() else []


async def test_everything_that_was_accepted_is_handled_once_whatever_is_killed(own_mesh, tmp_path, started):
    chance = random.Random(11)
    sender, receiver = await own_mesh.cli("sender"), await own_mesh.cli("receiver")
    outbox, inbox, log = tmp_path / "outbox", tmp_path / "inbox", tmp_path / "handled.txt"
    log.touch()
    # The broker is away: everything is accepted on disk alone.
    own_mesh.broker.terminate()
    total: list[str] = []
    unsure: set[str] = set()
    for run in range(4):
        peer = DurablePeer(own_mesh, sender, "send", "sender", str(outbox), "receiver", "120", f"r{run}-")
        started(peer)
        count = await asyncio.to_thread(peer.accepted, chance.randint(20, 110))
        count += peer.kill()
        total += [f"r{run}-{n}" for n in range(count)]
        # It may have died between the disk and saying so.
        unsure.add(f"r{run}-{count}")
        if run == 1:
            own_mesh.broker.start()
    assert len(total) > 80
    # Now both ends and the broker are killed again and again while it flows.
    for _ in range(6):
        one = DurablePeer(own_mesh, sender, "send", "sender", str(outbox), "receiver", "0")
        two = DurablePeer(own_mesh, receiver, "receive", "receiver", str(inbox), str(log))
        started(one)
        started(two)
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        victim = chance.choice(["sender", "receiver", "broker", "all"])
        if victim in ("broker", "all"):
            own_mesh.broker.kill()
            own_mesh.broker.start()
        one.kill()
        two.kill()
    started(DurablePeer(own_mesh, sender, "send", "sender", str(outbox), "receiver", "0"))
    started(DurablePeer(own_mesh, receiver, "receive", "receiver", str(inbox), str(log)))

    async def handled():
        return lines(log)

    await poll(handled, lambda seen: set(total) <= set(seen), 60)

    async def left():
        return list(outbox.glob("*.json")) + list(inbox.glob("*.json"))

    assert await poll(left, lambda files: not files) == []
    seen = lines(log)
    assert set(seen) - set(total) <= unsure
    # A handler that was killed between writing its log and returning gets that one message again, and no other does.
    assert len(seen) - len(set(seen)) <= 7, [text for text in set(seen) if seen.count(text) > 1]
    # In each run's own order.
    for run in range(4):
        first = list(dict.fromkeys(text for text in seen if text.startswith(f"r{run}-") and text not in unsure))
        assert first == [text for text in total if text.startswith(f"r{run}-")]


async def test_a_handler_that_has_returned_never_sees_its_message_again(own_mesh, tmp_path, started):
    sender, receiver = await own_mesh.cli("sender"), await own_mesh.cli("receiver")
    inbox, log = tmp_path / "inbox", tmp_path / "handled.txt"
    log.touch()
    texts = [f"m{n}" for n in range(40)]
    for text in texts:
        await sender.run("send", "receiver", text)
    for _ in range(4):
        peer = DurablePeer(own_mesh, receiver, "receive", "receiver", str(inbox), str(log))
        started(peer)

        async def more():
            return lines(log)

        await poll(more, lambda seen: len(set(seen)) >= len(texts))
        # The broker forgets that it was told: it dies before the acknowledgements are stored, or not.
        own_mesh.broker.kill()
        peer.kill()
        own_mesh.broker.start()
    assert lines(log) == texts


async def test_what_is_refused_for_good_is_set_aside_with_the_reason(own_mesh, tmp_path, started):
    sender = await own_mesh.cli("sender")
    outbox = tmp_path / "outbox"
    peer = DurablePeer(own_mesh, sender, "send", "sender", str(outbox), "nobody-of-that-name", "2")
    started(peer)

    async def dead():
        return sorted((outbox / "dead").glob("*.json")) if (outbox / "dead").exists() else []

    files = await poll(dead, lambda files: len(files) == 2)
    assert "unknown_target" in files[0].read_text() and not list(outbox.glob("*.json"))


async def test_a_question_gets_its_own_answer(own_mesh, started):
    asker, other, answerer = await own_mesh.cli("asker"), await own_mesh.cli("other"), await own_mesh.cli("answerer")
    peer = DurablePeer(own_mesh, answerer, "answer", "answerer")
    started(peer)
    assert await asyncio.to_thread(peer.line) == "ready"
    asking = [DurablePeer(own_mesh, home, "ask", name, "answerer", f"question of {name}")
              for home, name in ((asker, "asker"), (other, "other"))]
    for one, name in zip(asking, ("asker", "other")):
        started(one)
        assert await asyncio.to_thread(one.line) == f"answer to question of {name}"
    # The answer went to the session that asked, and waits for nobody any more.
    assert (await asker.run("inbox", "--json")).json["messages"] == []


async def test_the_command_line_asks(own_mesh, started):
    asker, answerer = await own_mesh.cli("asker"), await own_mesh.cli("answerer")
    peer = DurablePeer(own_mesh, answerer, "answer", "answerer")
    started(peer)
    assert await asyncio.to_thread(peer.line) == "ready"
    assert (await asker.run("ask", "answerer", "well?")).out == "answer to well?\n"
    silent = await own_mesh.cli("silent")
    refused = await asker.run("ask", "silent", "well?", "--timeout", "200ms", code=1)
    assert "no answer" in refused.err
    assert (await silent.run("inbox", "--json")).json["messages"][0]["text"] == "well?"


async def test_the_answer_is_found_behind_a_full_page_of_older_messages(own_mesh, started):
    asker, answerer = await own_mesh.cli("asker"), await own_mesh.cli("answerer")
    crowd = await own_mesh.peer("crowd")
    for n in range(205):
        await crowd.say_sealed("asker", f"older {n}")
    peer = DurablePeer(own_mesh, answerer, "answer", "answerer")
    started(peer)
    assert await asyncio.to_thread(peer.line) == "ready"
    assert (await asker.run("ask", "answerer", "well?", "--timeout", "10s")).out == "answer to well?\n"
