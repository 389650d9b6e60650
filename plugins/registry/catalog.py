"""The catalog of plugins: finds all that are installed now, imports one when asked."""

from __future__ import annotations

import enum
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import site
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from core.errors import ContactCenterError
from core.sdk.plugin import ChannelPlugin, Manifest
from core.sdk.plugin_folder import FolderUnusable, offer_folder
from core.sdk.source import SourcePlugin
from plugins.registry.manifest import FILE_NAME, ManifestError, read_manifest

log = logging.getLogger(__name__)

P = TypeVar("P", bound=ChannelPlugin[Any] | SourcePlugin[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[P]):
    """A kind of plugin: what its manifest calls it, its entry points, and its object."""

    name: str  #: the manifest's `kind`
    group: str  #: entry points of installed packages
    plugin: type[P]


CHANNEL: Kind[ChannelPlugin[Any]] = Kind(
    name="channel", group="contact_center.channels", plugin=ChannelPlugin
)
SOURCE: Kind[SourcePlugin[Any]] = Kind(
    name="source", group="contact_center.sources", plugin=SourcePlugin
)

PATIENCE = 100  #: times that we look anew for packages while other threads import
_looking = threading.Lock()


class PluginBroken(ContactCenterError):
    """The plugin's code cannot be used."""


class Origin(enum.StrEnum):
    """The origin of a plugin: built in, installed, or a folder."""

    BUILT_IN = "built-in"  #: a folder under channels/
    PACKAGE = "package"  #: an installed distribution with our entry point
    FOLDER = "folder"  #: a folder under the data directory's plugins/


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A plugin that was found and not yet imported; `problem` says why it cannot be."""

    id: str
    origin: Origin
    where: str
    folder: Path | None = None
    manifest: Manifest | None = None
    problem: str = ""


class Catalog(Generic[P]):
    """The plugins of one kind. Scans anew at every call: what was installed a second ago is there.

    The data directory's plugins/ holds folders of every kind; the manifest says which it is.
    """

    def __init__(self, kind: Kind[P], *, built_in: Path, folders: Path) -> None:
        self._kind = kind
        self._built_in = built_in
        self._folders = folders

    def scan(self) -> Mapping[str, Found]:
        """Every plugin by id, built-in ones first. Runs none of their code."""
        found: dict[str, Found] = {}
        for plugin in self._everything():
            first = found.get(plugin.id)
            if first is None:
                found[plugin.id] = plugin
                continue
            key = f"{plugin.id}@{plugin.where}"
            found[key] = Found(
                id=key,
                origin=plugin.origin,
                where=plugin.where,
                problem=f"The id {plugin.id!r} is taken by {first.where}; change it in the "
                "manifest of one of them.",
            )
        return found

    def load(self, found: Found) -> P:
        """Import the plugin. Raises PluginBroken with one sentence saying what is wrong.

        Takes as long as the plugin's imports do: call it on a thread.
        """
        if found.manifest is None:
            raise PluginBroken(found.problem)
        module_name, _, attribute = found.manifest.entry.partition(":")
        try:
            module = self._import(found, module_name)
        except FolderUnusable as error:
            raise PluginBroken(error.detail) from error
        except ModuleNotFoundError as error:
            raise PluginBroken(_missing(error, module_name)) from error
        except Exception as error:
            raise PluginBroken(
                f"Importing {module_name} failed: {type(error).__name__}: {error}"
            ) from error
        plugin = getattr(module, attribute, None)
        if plugin is None:
            raise PluginBroken(
                f"{module_name} has no {attribute!r}; the manifest's entry names it."
            )
        if not isinstance(plugin, self._kind.plugin):
            raise PluginBroken(f"{found.manifest.entry} is not a {self._kind.plugin.__name__}.")
        if not (isinstance(plugin.settings, type) and issubclass(plugin.settings, BaseModel)):
            raise PluginBroken(f"{found.manifest.entry}: settings is not a pydantic model.")
        if not callable(plugin.create):
            raise PluginBroken(f"{found.manifest.entry}: create cannot be called.")
        return plugin

    def _everything(self) -> Iterator[Found]:
        yield from _in_folders(self._built_in, Origin.BUILT_IN)
        yield from _in_packages(self._kind)
        for found in _in_folders(self._folders, Origin.FOLDER):
            # A folder that says nothing of itself that could be read is shown among the channels.
            kind = found.manifest.kind if found.manifest is not None else CHANNEL.name
            if kind == self._kind.name:
                yield found

    def _import(self, found: Found, module_name: str) -> ModuleType:
        if found.origin is Origin.FOLDER and found.folder is not None:
            offer_folder(found.folder, module_name.split(".")[0])
        _look_anew()
        return importlib.import_module(module_name)


def _look_anew() -> None:
    # Two at a time break each other: one finds an entry gone that the other has just dropped.
    with _looking:
        for _ in range(PATIENCE):
            try:
                importlib.invalidate_caches()
            except RuntimeError:
                continue  # a thread that imports something has added an entry meanwhile
            return
    log.warning("newly installed packages may not be seen: too much is imported at once")


def _in_folders(parent: Path, origin: Origin) -> Iterator[Found]:
    if not parent.is_dir():
        return
    for folder in sorted(parent.iterdir()):
        if not folder.is_dir() or folder.name.startswith((".", "_")):
            continue
        if (folder / FILE_NAME).is_file():
            yield _read(folder.name, folder, origin, where=str(folder))
        elif origin is Origin.FOLDER:
            yield Found(
                id=folder.name,
                origin=origin,
                where=str(folder),
                problem=f"{folder} has no {FILE_NAME}.",
            )


def _in_packages(kind: Kind[Any]) -> Iterator[Found]:
    # The metadata are read anew when a folder on the path has changed: no cache to clear.
    _look_anew()
    for point in sorted(importlib.metadata.entry_points(group=kind.group), key=lambda p: p.name):
        name = point.dist.name if point.dist is not None else point.value
        where = f"package {name}"
        folder = _folder_of(point.module)
        if folder is None:
            problem = f"{where}: no {FILE_NAME} beside the module {point.module}."
            yield Found(id=point.name, origin=Origin.PACKAGE, where=where, problem=problem)
            continue
        found = _read(point.name, folder, Origin.PACKAGE, where=where)
        if found.manifest is not None and found.manifest.id != point.name:
            problem = (
                f"{where}: its entry point is called {point.name!r} and its manifest says "
                f"{found.manifest.id!r}; they must be the same."
            )
            found = Found(id=point.name, origin=Origin.PACKAGE, where=where, problem=problem)
        elif found.manifest is not None and found.manifest.kind != kind.name:
            problem = (
                f"{where}: its entry point stands in {kind.group} and its manifest says that it is "
                f"a {found.manifest.kind}."
            )
            found = Found(id=point.name, origin=Origin.PACKAGE, where=where, problem=problem)
        yield found


def _read(name: str, folder: Path, origin: Origin, *, where: str) -> Found:
    try:
        manifest = read_manifest(folder / FILE_NAME)
    except ManifestError as error:
        return Found(id=name, origin=origin, where=where, folder=folder, problem=error.detail)
    return Found(id=manifest.id, origin=origin, where=where, folder=folder, manifest=manifest)


def _folder_of(module: str) -> Path | None:
    """The folder at or above the module that holds a manifest, found without importing it."""
    top, *rest = module.split(".")
    spec = _find_top(top)
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        candidates = [Path(spec.origin).parent] if spec.origin else []
    else:
        candidates = []
        for location in spec.submodule_search_locations:
            path = Path(location)
            candidates.append(path)
            for part in rest:
                path = path / part
                candidates.append(path)
    for folder in reversed(candidates):
        if (folder / FILE_NAME).is_file():
            return folder
    return None


def _find_top(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is not None:
        return spec
    # An editable install is a .pth file that Python reads at its start only.
    for folder in site.getsitepackages():
        site.addsitedir(folder)
    _look_anew()
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _missing(error: ModuleNotFoundError, module_name: str) -> str:
    missing = error.name or ""
    if missing and (module_name == missing or module_name.startswith(missing + ".")):
        return f"There is no module {missing!r}; the manifest's entry names it."
    return f"It needs the Python package {missing!r}, which is not installed."
