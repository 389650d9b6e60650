"""Puts together what the documentation site is built of: build/docs and build/mkdocs.yml.

`make docs` then builds build/site with mkdocs, strictly. The tree is the repository's, so that
every link means there what it means here; the API's page comes from the document that the running
program serves. `--openapi FILE` takes one that is there already.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
API = "docs/api.md"
START_SECONDS = 120

#: Section by section; a pattern stands for the pages that it finds, in the order of their names.
NAV: Mapping[str, Sequence[str]] = {
    "Start": ["README.md", "CHANGELOG.md"],
    "Guide": ["docs/guide/en/*.md"],
    "안내서": ["docs/guide/ko/*.md", "docs/processes.ko.md"],
    "Run it": [
        "deploy/README.md", "docs/processes.md", "docs/models.md", "docs/slack.md",
        "docs/performance.md", "docs/metrics.md", "docs/answers.md", "docs/languages.md",
        "docs/sources.md",
    ],
    "Runbooks": ["docs/runbooks/mvp.md", "docs/runbooks/*.md"],
    "Plugins and API": ["docs/plugins.md", API, "channels/*/README.md", "examples/**/README.md"],
    "Security": ["SECURITY.md", "docs/security/*.md"],
    "Develop": [
        "docs/architecture.md", "CONTRIBUTING.md", "docs/glossary.md", "docs/checklists/*.md",
    ],
    "Decisions": ["docs/decisions/README.md", "docs/decisions/*.md"],
    "More": ["docs/**/*.md"],
}  # fmt: skip
SLUGS = "markdown.extensions.toc.slugify_unicode"
LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


class BrokenLink(Exception):
    """A document links what is not there."""


def pages(root: Path = ROOT) -> dict[str, list[str]]:
    """The documents of each section, each once; the API's is made later."""
    seen: set[str] = set()
    found: dict[str, list[str]] = {}
    for section, patterns in NAV.items():
        found[section] = []
        for pattern in patterns:
            names = sorted(str(p.relative_to(root)) for p in root.glob(pattern))
            for name in [pattern] if pattern == API else names:
                if name not in seen:
                    seen.add(name)
                    found[section].append(name)
    return found


def rewritten(name: str, text: str, root: Path, included: Iterable[str]) -> tuple[str, set[str]]:
    """The document with links that hold on the site, and the files that it needs beside it.

    Folders lead to their README; what a site cannot show (folders without one, files with a dot)
    stays as words. Raises BrokenLink.
    """
    pages, files = set(included), set[str]()

    def link(found: re.Match[str]) -> str:
        bang, words, target = found.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return found[0]
        if path.startswith("/"):
            raise BrokenLink(f"{name}: {target} is absolute")
        there = Path(os.path.normpath(root / Path(name).parent / path))
        if not there.exists() or not there.is_relative_to(root):
            raise BrokenLink(f"{name}: {target} is not there")
        if there.is_dir() and (there / "README.md").is_file():
            path, there = f"{path.rstrip('/')}/README.md", there / "README.md"
        wanted = str(there.relative_to(root))
        hidden = any(part.startswith(".") for part in Path(wanted).parts)
        if wanted not in pages:
            if there.is_dir() or hidden or there.suffix == ".md":
                return words
            files.add(wanted)
        return f"{bang}[{words}]({path}{'#' + anchor if anchor else ''})"

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(link, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(link, text[at:])]), files


def reference(document: Mapping[str, Any]) -> str:
    """The API's page: every operation, who may call it, what it takes and what it answers."""
    by_tag: defaultdict[str, list[tuple[str, str, Mapping[str, Any]]]] = defaultdict(list)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    lines = [
        "# API reference", "",
        f"Version {document['info']['version']}. {document['info']['description']}",
        "The same as data, and always of the program that you run: `/api/openapi.json`.", "",
    ]  # fmt: skip
    for tag in sorted(by_tag):
        lines += [f"## {tag}", ""]
        for method, path, operation in by_tag[tag]:
            said = f"{operation['summary']}. {operation.get('description', '')}"
            lines += [f"### {method} {path}", "", said, ""]
            lines += _parameters(operation.get("parameters", []))
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                lines += _fields(f"Body ({media})", content["schema"])
            for status, answer in operation["responses"].items():
                shapes = [c.get("schema", {}) for c in answer.get("content", {}).values()]
                names = ", ".join(filter(None, map(_shape, shapes)))
                lines.append(f"- **{status}** {answer.get('description', '')} {names}".rstrip())
            lines.append("")
    lines += ["## Shapes", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += [f"### {name}", "", _line(schema.get("description", "")), ""]
        lines += _fields("Fields", schema)
    return "\n".join(lines) + "\n"


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield from ("| parameter | in | needed | what |", "| --- | --- | --- | --- |")
    for one in parameters:
        said = one.get("description") or one["schema"].get("description", "")
        needed = "yes" if one.get("required") else ""
        what = f"{_line(said)} {_shape(one['schema'])}".strip()
        yield f"| `{one['name']}` | {one['in']} | {needed} | {what} |"
    yield ""


def _fields(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield from (f"{title}: {_shape(schema)}", "")
        return
    if not schema.get("properties"):
        return
    required = schema.get("required", [])
    yield from (f"{title}:", "", "| field | shape | needed | what |", "| --- | --- | --- | --- |")
    for name, field in schema["properties"].items():
        needed = "yes" if name in required else ""
        what = _line(field.get("description", ""))
        yield f"| `{name}` | {_shape(field)} | {needed} | {what} |"
    yield ""


def _shape(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return _line(" or ".join(f"`{value}`" for value in schema["enum"]))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(filter(None, map(_shape, schema[several])))
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {})) or 'anything'}"
    kind = schema.get("format") or schema.get("type", "")
    return _line(" or ".join(kind) if isinstance(kind, list) else str(kind))


def _line(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def served_document() -> Mapping[str, Any]:
    """The OpenAPI document of the program, started for it on a folder of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, ROOT / "bot.py", "run", "--port", str(port)]
        running = subprocess.Popen(
            [*command, "--data-dir", f"{folder}/data"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until = time.monotonic() + START_SECONDS
            while time.monotonic() < until and running.poll() is None:
                try:
                    url = f"http://127.0.0.1:{port}/api/openapi.json"
                    with urllib.request.urlopen(url, timeout=10) as answer:
                        found: Mapping[str, Any] = json.load(answer)
                        return found
                except (urllib.error.URLError, OSError):
                    time.sleep(0.2)
            raise SystemExit("The program did not start, so its API is not known.")
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)


def assemble(document: Mapping[str, Any], out: Path, root: Path = ROOT) -> None:
    """Write the tree and the settings of mkdocs. Raises BrokenLink."""
    sections = pages(root)
    included = [name for names in sections.values() for name in names]
    tree = out / "docs"
    shutil.rmtree(tree, ignore_errors=True)
    needed: set[str] = set()
    for name in included:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == API:
            target.write_text(reference(document))
            continue
        text, files = rewritten(name, (root / name).read_text(), root, included)
        target.write_text(text)
        needed |= files
    for name in needed:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, tree / name)
    settings = json.dumps(_settings(sections), ensure_ascii=False, indent=1)
    # JSON is YAML, but for this one: headings in Korean have anchors, too.
    settings = settings.replace(f'"{SLUGS}"', f'!!python/name:{SLUGS} ""')
    (out / "mkdocs.yml").write_text(settings)


def _settings(sections: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    """The settings of mkdocs."""
    return {
        "site_name": "Contact Center OS",
        "docs_dir": "docs",
        "site_dir": "site",
        "strict": True,
        "use_directory_urls": True,
        # Nothing is fetched from others' servers by whoever reads it.
        "theme": {"name": "material", "font": False, "features": ["navigation.sections"]},
        "plugins": [{"search": {"lang": ["en", "ko"]}}],
        "markdown_extensions": [
            "tables", "attr_list", "fenced_code", {"toc": {"permalink": True, "slugify": SLUGS}},
        ],
        "nav": [{section: list(names)} for section, names in sections.items() if names],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn"},
            "links": {
                "not_found": "warn", "anchors": "warn",
                "absolute_links": "warn", "unrecognized_links": "warn",
            },
        },
    }  # fmt: skip


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openapi", type=Path, help="an OpenAPI document that is there")
    given = parser.parse_args()
    document = json.loads(given.openapi.read_text()) if given.openapi else served_document()
    try:
        assemble(document, BUILD)
    except BrokenLink as error:
        print(f"A link is broken. {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
