"""A stranger's package installed while we run is listed, enabled and called, with no restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.sdk.channel import HttpRequest
from plugins.conformance.scaffold import write_skeleton
from plugins.host.states import State
from plugins.host.webhooks import WebhookRouter
from tests.plugins.conftest import Desk, reached

pytestmark = pytest.mark.apart


@pytest.fixture
def site_packages(tmp_path: Path) -> Iterator[Path]:
    """A folder on Python's path, as the environment's own."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("channel_stranger")]:
        del sys.modules[name]


async def test_it_is_listed_enabled_and_called(
    desk: Desk, site_packages: Path, tmp_path: Path
) -> None:
    host = desk.host()
    await host.start()
    assert "stranger" not in {plugin.id for plugin in host.plugins()}
    source = write_skeleton("stranger", into=tmp_path)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", "--target", str(site_packages), str(source),
        ],
        check=True,
    )  # fmt: skip
    await host.refresh()
    plugin = host.plugin("stranger")
    assert plugin.found.where == "package contact-center-stranger"
    assert plugin.status.state is State.DISABLED
    # Nobody listens at this address: it is tried again and again, which is what it should be.
    await desk.choose(
        "stranger",
        enabled=True,
        settings={"api_base_url": "http://127.0.0.1:9"},
        secrets={"token": "t", "webhook_secret": "s"},
    )
    await host.refresh()
    assert "cannot be reached" in await reached(host, "stranger", State.RETRYING)
    response = await WebhookRouter(host).handle_http(
        HttpRequest(method="POST", path="/webhooks/stranger", headers={}, query={}, body=b"{}")
    )
    # Unsigned: refused even while the vendor cannot be reached.
    assert response.status == 403
