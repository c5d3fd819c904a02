"""Finds the binaries, starts and ends brokers, and runs coroutine tests. It builds nothing.

`MESH_BIN` names the folder of meshd and mesh-cli; without it the debug build of this repository is taken.
"""

import asyncio
import inspect

import pytest

from harness import Broker, Mesh, binaries

TEST_LIMIT = 180.0


def pytest_configure(config):
    config.addinivalue_line("markers", "planted: plants a fault, which debug builds alone know; leave out with -m 'not planted'")
    config.addinivalue_line("markers", "slow: waits for a real 90 s lease; leave out with -m 'not slow'")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests, and closes what their meshes opened in the same event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}

    async def run():
        try:
            for value in arguments.values():
                if isinstance(value, Mesh):
                    await value.create()
            await asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_LIMIT)
        finally:
            for value in arguments.values():
                if isinstance(value, Mesh):
                    await value.finish()

    asyncio.run(run())
    return True


def start_broker(folder):
    missing = [name for name in ("meshd", "mesh-cli") if not (binaries() / name).is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not in {binaries()}: build first, or set MESH_BIN", pytrace=False)
    return Broker(folder).start()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """The broker that most tests share; each test makes a mesh of its own in it."""
    running = start_broker(tmp_path_factory.mktemp("broker"))
    yield running
    running.finish_now()


@pytest.fixture
def mesh(broker, tmp_path):
    """A new mesh in the shared broker; it is created when the test begins to run."""
    return Mesh(broker, tmp_path)


@pytest.fixture
def own_broker(tmp_path):
    """A broker for one test, which may end it."""
    running = start_broker(tmp_path)
    yield running
    running.finish_now()


@pytest.fixture
def own_mesh(own_broker, tmp_path):
    """A new mesh in a broker that the test may end."""
    return Mesh(own_broker, tmp_path / "mesh")
