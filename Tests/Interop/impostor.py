"""A member that calls itself by another's name, as a claudemesh client may, and how it is heard."""

from __future__ import annotations

from harness import Listener, Mesh

TEXT = "stop everything"


async def session_of(client, member: str) -> str:
    """The key of the member's only connected session."""
    peers = (await client.request("list_peers"))["peers"]
    [key] = [peer["pubkey"] for peer in peers if peer["memberName"] == member]
    return key


async def heard_as(mesh: Mesh, display_name: str) -> tuple[dict, dict[str, str]]:
    """The line and the variables by which `listen --exec` of ann is told of a message of mallory's client of this name."""
    ann = await mesh.cli("ann")
    await mesh.member("boss")
    heard = mesh.folder / "heard.txt"
    listener: Listener = await mesh.listen(ann, "--count", "1", "--exec", f"env | grep ^MESH_FROM > '{heard}'")
    mallory = await mesh.legacy("mallory", displayName=display_name)
    await mallory.say(await session_of(mallory, "ann"), TEXT)
    line = await listener.text(TEXT)
    await listener.process.wait()
    return line, dict(line.split("=", 1) for line in heard.read_text().splitlines())


def check_told_apart(mesh: Mesh, line: dict, variables: dict[str, str], label: str) -> None:
    """The receiver was told that mallory sent the message, whatever its client calls itself."""
    key = mesh.members["mallory"].key.hex
    assert (line["from"], line["fromMemberKey"]) == ("mallory", key), line
    assert (variables["MESH_FROM"], variables["MESH_FROM_KEY"]) == ("mallory", key), variables
    assert line["fromLabel"] == variables["MESH_FROM_LABEL"] == label, (line, variables)
