"""The client of Docs/ClientInPython.md, as it stands on the page, with a member of ours on the other side."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "Docs" / "ClientInPython.md").read_text(encoding="utf-8")


async def test_the_client_of_the_page_works(mesh, tmp_path):
    program = tmp_path / "client.py"
    program.write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], encoding="utf-8")
    bob = await mesh.peer("bob")
    link = (await mesh.owner.run("invite", "--json")).json["invite"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), link, "pia", "bob", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        await bob.message("hello, bob", encrypted=True)
        await bob.say_sealed("pia", "hello, pia")
        out, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    assert out.decode().splitlines() == [
        "state: green", "topic: 1 message", "sent: accepted", "from bob: hello, pia", "proof: holds"]
