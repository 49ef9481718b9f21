"""The build hook: cargo builds the library, and it goes into the wheel. A source distribution takes the crate along."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = pathlib.Path(__file__).resolve().parent
IN_SDIST = HERE / "crate"

ALLOWED = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
"""Of what every manylinux system has, what the library may need."""


class Hook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        crate = self._crate()
        if self.target_name == "sdist":
            build_data["force_include"][str(self._packaged(crate))] = "crate"
            return
        library = self._built(crate)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        where = "keyviz/libkeyviz.so"
        key = "force_include_editable" if version == "editable" else "force_include"
        build_data[key][str(library)] = where

    def _crate(self) -> pathlib.Path:
        for folder in (IN_SDIST, HERE.parents[1]):
            manifest = folder / "Cargo.toml"
            if manifest.exists() and 'name = "keyviz"' in manifest.read_text("utf-8"):
                return folder
        raise SystemExit(
            f"keyviz is built with the Rust sources of libkeyviz, and they are neither in {IN_SDIST} nor two folders above {HERE}: "
            "build it in a checkout, from a source distribution, or install a wheel"
        )

    def _cargo(self, crate: pathlib.Path, *arguments: str) -> None:
        cargo = os.environ.get("CARGO", "cargo")
        if shutil.which(cargo) is None:
            raise SystemExit("keyviz is built with Rust: there is no cargo on the PATH. https://rustup.rs installs it")
        subprocess.run([cargo, *arguments], cwd=crate, check=True, stdout=sys.stderr)

    def _built(self, crate: pathlib.Path) -> pathlib.Path:
        self._cargo(crate, "build", "--release", "--lib", "--locked")
        built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", crate / "target")) / "release" / "libkeyviz.so"
        # Without its debug information it is a fifth of the size.
        stripped = pathlib.Path(self.directory) / "libkeyviz.so"
        stripped.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built, stripped)
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", str(stripped)], check=True)
        return stripped

    def _packaged(self, crate: pathlib.Path) -> pathlib.Path:
        """The crate's sources, as cargo would publish them: without benches and tests, and a manifest that knows it."""
        if crate == IN_SDIST:
            return crate
        target = pathlib.Path(self.directory).resolve() / "crate"
        self._cargo(crate, "package", "--no-verify", "--allow-dirty", "--locked", "--target-dir", str(target))
        archive = next((target / "package").glob("keyviz-*.crate"))
        with tarfile.open(archive) as packed:
            packed.extractall(target)
        return target / archive.stem

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(pathlib.Path(self.directory) / "crate", ignore_errors=True)
        if version != "editable":
            (pathlib.Path(self.directory) / "libkeyviz.so").unlink(missing_ok=True)


def platform_tag(library: pathlib.Path) -> str:
    """manylinux_<x>_<y>_<machine>, of the newest glibc whose symbols the library needs (PEP 600)."""
    machine = platform.machine()
    needed, newest = set(), (2, 5)
    with library.open("rb") as file:
        elf = ELFFile(file)
        needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
        for section in elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, versions in section.iter_versions():
                    for version in versions:
                        found = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", version.name)
                        if found:
                            newest = max(newest, (int(found[1]), int(found[2])))
    strangers = {name for name in needed - ALLOWED if not name.startswith("ld-linux")}
    if strangers:
        print(f"keyviz: the library needs {', '.join(strangers)}, so the wheel is for this system only", file=sys.stderr)
        return f"linux_{machine}"
    return f"manylinux_{newest[0]}_{newest[1]}_{machine}"
