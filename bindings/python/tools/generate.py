"""Makes src/keyviz/_native.py from include/keyviz.h: the structs, constants and prototypes, for ctypes.

    python tools/generate.py [--check]

Needs pycparser, and a C compiler to preprocess with ($CC, or cc). --check writes nothing, and fails if the committed file
is not what the header says.
"""

import os
import pathlib
import re
import subprocess
import sys

from pycparser import c_ast, c_parser

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parents[2] / "include" / "keyviz.h"
OUTPUT = HERE.parent / "src" / "keyviz" / "_native.py"

SCALARS = {
    "size_t": "c_size_t",
    "int32_t": "c_int32",
    "int64_t": "c_int64",
    "uint8_t": "c_uint8",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
    "char": "c_char",
    "double": "c_double",
    "keyviz_status_t": "c_int32",
}
"""The header's scalars. One that is missing here fails the generator, so that nothing is guessed."""

HEAD = '''"""The C API, for ctypes. Generated from include/keyviz.h (`make python-bindings`); what things mean stands there."""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any
'''


class Header:
    def __init__(self, text: str) -> None:
        self.structs: dict[str, list[tuple[str, str]]] = {}
        self.opaque: list[str] = []
        self.callbacks: dict[str, str] = {}
        self.functions: list[tuple[str, str, list[str]]] = []
        self.constants = self._constants(text)
        # The fixed-width names, whatever this system's headers make of them.
        names = "".join(f"typedef int {name};\n" for name in SCALARS if name.endswith("_t") and "keyviz" not in name)
        plain = re.sub(r"^#include.*$", "", text, flags=re.M)
        source = (
            names
            + subprocess.run(
                [os.environ.get("CC", "cc"), "-E", "-P", "-x", "c", "-"], input=plain, text=True, check=True, capture_output=True
            ).stdout
        )
        for node in c_parser.CParser().parse(source, str(HEADER)).ext:
            self._declaration(node)

    def _constants(self, text: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in re.findall(r"^#define (KEYVIZ_\w+) (-?\d+|\"[^\"]*\")$", text, flags=re.M):
            found[name[len("KEYVIZ_") :]] = value.strip('"') if value.startswith('"') else int(value)
        return found

    def _declaration(self, node: c_ast.Node) -> None:
        if isinstance(node, c_ast.Typedef):
            inner = node.type
            if isinstance(inner, c_ast.PtrDecl) and isinstance(inner.type, c_ast.FuncDecl):
                result, arguments = self._prototype(inner.type)
                self.callbacks[node.name] = f"CFUNCTYPE({', '.join([result, *arguments])})"
            elif isinstance(inner, c_ast.TypeDecl) and isinstance(inner.type, c_ast.Struct):
                if inner.type.decls is None:
                    self.opaque.append(node.name)
                else:
                    self.structs[node.name] = [(field.name, self._type(field.type, field=True)) for field in inner.type.decls]
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            result, arguments = self._prototype(node.type)
            self.functions.append((node.name, result, arguments))
        else:
            raise SystemExit(f"{node.coord}: a declaration that the generator does not know")

    def _prototype(self, function: c_ast.FuncDecl) -> tuple[str, list[str]]:
        arguments = [self._type(argument.type) for argument in function.args.params]
        return self._type(function.type), [] if arguments == ["None"] else arguments

    def _type(self, node: c_ast.Node, field: bool = False) -> str:
        if isinstance(node, c_ast.ArrayDecl):
            return f"{self._type(node.type)} * {int(node.dim.value)}"
        if isinstance(node, c_ast.PtrDecl):
            return self._pointer(node.type, field)
        name = node.type.names[0]
        if name == "void":
            return "None"
        return name if name in self.structs or name in self.callbacks else SCALARS[name]

    def _pointer(self, target: c_ast.Node, field: bool) -> str:
        """A struct's address keeps its type. Bytes that go in, and texts that come back, are c_char_p. All else is an
        address: handles, arrays, buffers; and texts in structs, since these end by their length, not by a zero."""
        if isinstance(target, c_ast.PtrDecl):
            inner = self._pointer(target.type, field)
            return f"POINTER({inner})" if inner.startswith("POINTER") else "c_void_p"
        name = target.type.names[0]
        if name in self.structs:
            return f"POINTER({name})"
        return "c_char_p" if name == "char" and "const" in target.quals and not field else "c_void_p"

    def render(self) -> str:
        lines = [HEAD]
        for name, value in sorted(self.constants.items()):
            lines.append(f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}")
        for name, fields in self.structs.items():
            lines += ["", "", f"class {name}(Structure):"]
            lines.append("    _fields_ = [")
            lines += [f'        ("{field}", {kind}),' for field, kind in fields]
            lines.append("    ]")
        lines += ["", ""]
        lines += [f"{name} = {kind}" for name, kind in self.callbacks.items()]
        lines.append("")
        lines.append("PROTOTYPES: dict[str, tuple[Any, ...]] = {")
        for name, result, arguments in self.functions:
            types = ", ".join([result, *arguments])
            lines.append(f'    "{name}": ({types},),' if not arguments else f'    "{name}": ({types}),')
        lines.append("}")
        lines.append('"""Of each function: the result, then the arguments."""')
        return "\n".join(lines) + "\n"


def main() -> None:
    text = Header(HEADER.read_text("utf-8")).render()
    if "--check" not in sys.argv[1:]:
        OUTPUT.write_text(text, "utf-8")
    elif OUTPUT.read_text("utf-8") != text:
        raise SystemExit(f"{OUTPUT} is not what {HEADER} says; `make python-bindings` writes it anew")


if __name__ == "__main__":
    main()
