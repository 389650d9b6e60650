"""KakaoTalk and e-mail, written by the guide alone: as a folder and by pip, the kit passes them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.conformance.runner import run_contract
from plugins.registry.catalog import CHANNEL, Catalog, Origin

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
NAMES = ("email", "kakaotalk")
HARDLY = pytest.mark.timeout(300)


@HARDLY
@pytest.mark.parametrize("name", NAMES)
async def test_as_a_folder_plugin_it_passes(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    found = Catalog(CHANNEL, built_in=tmp_path / "none", folders=tmp_path).scan()
    assert found[name].origin is Origin.FOLDER
    assert not found[name].problem
    sheet = await run_contract(name, found=found, folder=None)
    assert not [(line.name, line.detail) for line in sheet.lines if line.failed]
    assert sheet.passed >= 33


@HARDLY
@pytest.mark.parametrize("name", NAMES)
async def test_installed_by_pip_it_is_listed_and_loaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages = tmp_path / "site-packages"
    source = tmp_path / name
    shutil.copytree(EXAMPLES / name, source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", "--target", str(site_packages), str(source),
        ],
        check=True,
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(site_packages))
    known = [module for module in sys.modules if module.startswith(f"channel_{name}")]
    for module in known:
        monkeypatch.delitem(sys.modules, module)
    catalog = Catalog(CHANNEL, built_in=tmp_path / "none", folders=tmp_path / "none")
    found = catalog.scan()[name]
    assert found.where == f"package contact-center-{name}"
    assert not found.problem
    assert found.manifest is not None
    assert found.manifest.words["ko"]
    plugin = catalog.load(found)
    assert site_packages in Path(sys.modules[f"channel_{name}"].__file__ or "").parents
    assert plugin.settings.model_fields
