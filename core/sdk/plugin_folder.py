"""Makes a plugin's folder importable although it is not on Python's path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from core.errors import ContactCenterError


class FolderUnusable(ContactCenterError):
    """The folder holds no Python package that can be imported."""


def offer_folder(folder: Path, top: str) -> None:
    """Make `top` importable: a module or package inside the folder, or the folder itself.

    Raises FolderUnusable in one sentence.
    """
    known = sys.modules.get(top)
    if known is not None:
        places = [Path(p) for p in getattr(known, "__path__", [])]
        if known.__file__:
            places.append(Path(known.__file__).parent)
        home = folder.resolve()  # a linked folder is the same plugin by another path
        found = [place.resolve() for place in places]
        if not any(place == home or home in place.parents for place in found):
            raise FolderUnusable(
                f"The module name {top!r} is taken by {known.__file__ or known.__name__}; "
                "give the plugin's package a name of its own."
            )
        return
    package = folder / top
    if (package / "__init__.py").is_file():
        file, search = package / "__init__.py", [str(package)]
    elif (folder / f"{top}.py").is_file():
        file, search = folder / f"{top}.py", None
    elif (folder / "__init__.py").is_file():
        file, search = folder / "__init__.py", [str(folder)]
    else:
        raise FolderUnusable(f"{folder} holds neither {top}.py nor a package {top}.")
    spec = importlib.util.spec_from_file_location(top, file, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise FolderUnusable(f"{file} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[top]
        raise
