"""The generated declarations are the header's, to the byte."""

import ctypes
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import skip

import keyviz
from keyviz import _native as native
from keyviz._library import lib

ROOT = pathlib.Path(__file__).resolve().parents[3]
GENERATOR = ROOT / "bindings/python/tools/generate.py"

STRUCTS = {
    name: kind
    for name, kind in vars(native).items()
    if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure
}


def run_c(folder, source, compiler):
    if shutil.which(compiler) is None:
        skip(f"there is no {compiler}")
    file = folder / ("probe.c" if compiler == "cc" else "probe.cpp")
    file.write_text(source, "utf-8")
    subprocess.run([compiler, f"-I{ROOT / 'include'}", "-o", folder / "probe", file], check=True)
    return subprocess.run([folder / "probe"], check=True, capture_output=True, text=True).stdout


def test_generating_them_anew_gives_the_committed_file():
    subprocess.run([sys.executable, GENERATOR, "--check"], check=True)


def test_every_struct_has_the_size_and_offsets_that_c_gives_it(tmp_path):
    lines, expected = [], []
    for name, kind in STRUCTS.items():
        lines.append(f'printf("{name} %zu %zu\\n", sizeof({name}), _Alignof({name}));')
        expected.append(f"{name} {ctypes.sizeof(kind)} {ctypes.alignment(kind)}")
        for field, _ in kind._fields_:
            place = getattr(kind, field)
            lines.append(f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
            expected.append(f"{name}.{field} {place.offset} {place.size}")
    source = f"#include <stdio.h>\n#include <keyviz.h>\nint main(void) {{ {' '.join(lines)} return 0; }}\n"
    assert len(STRUCTS) > 20
    assert run_c(tmp_path, source, "cc").splitlines() == expected


def test_every_constant_has_the_value_that_c_gives_it(tmp_path):
    names = [name for name, value in vars(native).items() if name.isupper() and isinstance(value, int)]
    lines = [f'printf("%lld\\n", (long long)KEYVIZ_{name});' for name in names]
    source = f"#include <stdio.h>\n#include <keyviz.h>\nint main(void) {{ {' '.join(lines)} return 0; }}\n"
    assert len(names) > 60
    assert [*map(int, run_c(tmp_path, source, "cc").split())] == [getattr(native, name) for name in names]


# The compiler itself takes each function apart. A kind is p, i, u or f for an address, a signed, an unsigned and a floating
# number, and its size.
TAKE_APART = """
#include <cstdio>
#include <type_traits>
#include <keyviz.h>
template <class T> void kind() {
    const char *letter = std::is_pointer<T>::value ? "p" : std::is_floating_point<T>::value ? "f" : std::is_signed<T>::value ? "i" : "u";
    std::printf(" %s%zu", letter, sizeof(T));
}
template <> void kind<void>() { std::printf(" void"); }
template <class F> struct Function;
template <class R, class... A> struct Function<R(A...)> {
    static void tell(const char *name) {
        std::printf("%s", name);
        kind<R>();
        (void)std::initializer_list<int>{(kind<A>(), 0)...};
        std::printf("\\n");
    }
};
"""


def kind(of):
    if of is None:
        return "void"
    letter = of._type_ if isinstance(getattr(of, "_type_", None), str) else "P"
    signs = {**dict.fromkeys("bhilq", "i"), **dict.fromkeys("BHILQ", "u"), **dict.fromkeys("fd", "f")}
    return f"{signs.get(letter, 'p')}{ctypes.sizeof(of)}"


def test_every_function_has_the_signature_that_the_compiler_sees(tmp_path):
    tells = "".join(f'Function<decltype({name})>::tell("{name}");' for name in native.PROTOTYPES)
    source = f"#include <initializer_list>\n{TAKE_APART}\nint main() {{ {tells} }}\n"
    expected = [" ".join([name, *map(kind, types)]) for name, types in native.PROTOTYPES.items()]
    assert len(expected) > 80
    assert run_c(tmp_path, source, "c++").splitlines() == expected


def test_the_library_is_of_this_version():
    assert keyviz.__version__ == native.VERSION
    assert lib.keyviz_abi_version() == native.ABI_VERSION


def test_every_label_of_the_library_is_a_label_here_with_its_name():
    assert len(keyviz.Label) == lib.keyviz_label_count()
    for label in keyviz.Label:
        assert label.wire == lib.keyviz_label_name(label).decode()


def test_every_status_has_an_exception_of_its_own():
    from keyviz import _errors

    statuses = {value for name, value in vars(native).items() if name.startswith("ERR_")}
    # What a caller of the package can't bring about: addresses and sizes are the package's own.
    inside = {native.ERR_NULL_POINTER, native.ERR_TYPE_SIZE, native.ERR_INVALID_HANDLE, native.ERR_BUFFER_TOO_SMALL}
    inside.add(native.ERR_NO_LANE)
    assert set(_errors._BY_STATUS) - {-1} == statuses - inside


def test_a_panic_inside_of_the_library_is_an_exception():
    why = native.keyviz_error_t(ctypes.sizeof(native.keyviz_error_t))
    assert lib.keyviz_force_panic(ctypes.byref(why)) == native.ERR_PANIC
    from keyviz._errors import call

    with pytest.raises(keyviz.PanicError):
        call(lib.keyviz_force_panic)
