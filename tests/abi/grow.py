"""Makes of the library's sources a later version of the library, in which every struct of the C API has grown.

    python3 tests/abi/grow.py FOLDER

Each struct that can grow gets a field at its end, which the library sets where it writes one; what a first version of the
struct had stays the least that it takes. The library is called keyviz_grown, so that both can lie in one target folder.
"""

import re
import shutil
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[2]
folder = Path(sys.argv[1])


def once(pattern: str, replacement: str, text: str) -> str:
    text, times = re.subn(pattern, replacement, text, flags=re.S)
    assert times == 1, f"{pattern!r} is there {times} times"
    return text


def write(path: Path, text: str) -> None:
    """Leaves a file that would stay the same alone: cargo looks at the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


grown = set()
for source in (root / "src").rglob("*"):
    copy = folder / source.relative_to(root)
    if source.is_dir():
        continue
    if "ffi" not in source.relative_to(root).parts:
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        continue
    text = source.read_text()
    for name in re.findall(r"unsafe impl Sized0 for (keyviz_\w+_t) \{\}", text):
        text = once(rf"(pub struct {name} \{{.*?)\n\}}", r"\1\n    /// Grown.\n    pub grown: u64,\n}", text)
        text = once(rf"(unsafe impl Sized0 for {name} \{{)\}}", r"\1 const FIRST_SIZE: usize = size_of::<Self>() - 8; }", text)
        grown.add(name)
    if "pub struct keyviz_row_t" in text:
        text = once(r"(pub struct keyviz_row_t \{.*?)\n\}", r"\1\n    /// Grown.\n    pub grown: u64,\n}", text)
        text = once(r"(impl keyviz_row_t \{\s*const FIRST_SIZE: usize = size_of::<Self>\(\));", r"\1 - 8;", text)
        text = once(r"(\n +keyviz_row_t \{)", r"\1 grown: !0,", text)
        grown.add("keyviz_row_t")
    text = re.sub(r"(type_size: size_of::<\w+>\(\),|\{ type_size,)", r"\1 grown: !0,", text)
    write(copy, text)
assert len(grown) > 20, grown

manifest = (root / "Cargo.toml").read_text()
manifest = once(r'\[package\]\nname = "keyviz"', '[workspace]\n\n[package]\nname = "keyviz-grown"', manifest)
manifest = once(r'\[lib\]\nname = "keyviz"\ncrate-type = .*?\n', '[lib]\nname = "keyviz_grown"\ncrate-type = ["cdylib"]\n', manifest)
manifest = re.sub(r"\[\[(bench|example)\]\].*?\n\n", "", manifest, flags=re.S)
write(folder / "Cargo.toml", manifest)
lock = (root / "Cargo.lock").read_text()
write(folder / "Cargo.lock", once(r'name = "keyviz"\n', 'name = "keyviz-grown"\n', lock))
build = (root / "build.rs").read_text()
write(folder / "build.rs", re.sub(r'^(    \("\w+", ".*)"\),$', r'\1, 0"),', build, flags=re.M))
for name in ["cbindgen.toml", "README.md"]:
    write(folder / name, (root / name).read_text())
(folder / "include").mkdir(exist_ok=True)
