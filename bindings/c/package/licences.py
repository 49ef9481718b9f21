"""Prints the licences of what is linked into the library: those of its crates and of Rust's standard library.

    python3 bindings/c/package/licences.py [debian]

For Debian, the Apache License is named by its place, as its policy wants it.
"""

import json
import subprocess
import sys
from pathlib import Path


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


debian = sys.argv[1:] == ["debian"]
host = next(line.split()[1] for line in output("rustc", "-vV").splitlines() if line.startswith("host:"))
metadata = json.loads(output("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host))
packages = {package["id"]: package for package in metadata["packages"]}
links = {
    node["id"]: [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    for node in metadata["resolve"]["nodes"]
}
root = metadata["resolve"]["root"]
linked, waiting = set(), [root]
while waiting:
    for package in links[waiting.pop()]:
        if package not in linked:
            linked.add(package)
            waiting.append(package)

# Many have the same text: it comes once, under the names of all.
texts: dict[str, list[str]] = {}
for package in sorted((packages[name] for name in linked), key=lambda package: (package["name"], package["version"])):
    title = f"{package['name']} {package['version']} ({package['license']})"
    folder = Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if file.name.upper().startswith(("LICEN", "COPYING", "NOTICE")) and file.is_file())
    for text in [file.read_text(encoding="utf-8", errors="replace").strip() for file in files] or ["(no text of its own)"]:
        if debian and "Apache License" in text and "TERMS AND CONDITIONS" in text:
            text = "The Apache License, Version 2.0, is /usr/share/common-licenses/Apache-2.0 on Debian systems."
        titles = texts.setdefault(text, [])
        if title not in titles:
            titles.append(title)
rust = output("rustc", "--version").strip()
print(f"What is linked into the library, and under which licences.\n\n{rust}: the standard library (MIT OR Apache-2.0)")
for text, titles in texts.items():
    print("\n" + "-" * 80 + "\n" + "\n".join(titles) + "\n" + "-" * 80 + f"\n\n{text}")
