"""Garbage, forks, threads and the interpreter's end: nothing crashes, nothing hangs. Each in an interpreter of its own."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from conftest import run_python

import keyviz
from keyviz import Sampler

BEGIN = """
import faulthandler, gc, os, sys, threading, time
import numpy as np, keyviz
def made(**options):
    sampler = keyviz.Sampler(**options)
    sampler.register_route(1)
    for i in range(5):
        sampler.observe_many(np.ones(1000, np.uint64), 1, 1)
        sampler.flush((i + 1) * 10**9)
    return sampler
"""


def ends_well(code):
    done = run_python(BEGIN + code, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "sampler = made(); matrix = sampler.matrix(); values = matrix.values; merge = keyviz.Merge()",
        "sampler = made(hot_keys_enabled=True); sampler.observe_keys(1, 1, [b'k'] * 99); sampler.publish_hot_keys(); reply = sampler.hot_keys(1)",
        "values = made().matrix().values[:, 1:]",
        "sampler = made(); sampler.me = sampler; del sampler",
        "keyviz.Sampler.kept = made()",
        "sys.modules['elsewhere'] = made()",
        "import builtins; builtins.kept = made().matrix().values",
        "import atexit; sampler = made(); atexit.register(sampler.close); atexit.register(sampler.observe, 1, b'k', 1)",
        "class Late:\n  def __del__(self, sampler=made()): sampler.observe(1, b'k', 1); sampler.matrix().to_json()\nlate = Late()",
        "sampler = made(); del keyviz; sys.modules.pop('keyviz._library'); gc.collect()",
        "sampler = made(); sys.exit(0)",
        "columns = made().columns(); stream = columns.__arrow_c_stream__()",
    ],
)
def test_the_interpreter_ends_with_things_alive(code):
    ends_well(code)


def test_the_interpreter_ends_under_daemon_threads():
    ends_well("""
sampler, ids = made(), np.ones(3_000_000, np.uint64)
def many():
    while True: sampler.observe_many(ids, 1, 1)
def one():
    while True: sampler.observe(1, b'key', 1)
def look():
    while True: sampler.matrix().to_json(); sampler.flush()
for work in (many, one, look, many):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
""")


def test_a_child_of_a_fork_refuses_the_sampler_and_may_make_its_own():
    out = ends_well("""
sampler, matrix, merge = made(), made().matrix(), keyviz.Merge()
closed = made(); closed.close()
child = os.fork()
if child == 0:
    for call in (lambda: sampler.observe(1, b'k', 1), sampler.flush, sampler.stats, sampler.close, sampler.matrix,
                 lambda: sampler.observe_many([1], 1, 1)):
        try:
            call()
            os._exit(9)
        except keyviz.ForkedError as why:
            assert str(os.getppid()) in str(why)
    try:
        closed.flush()
        os._exit(8)
    except keyviz.ClosedError:
        pass
    assert matrix.values.sum() == 5000 and matrix.to_json()
    own = made()
    assert own.matrix().values.sum() == 5000
    del sampler, merge
    gc.collect()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
sampler.observe(1, b'k', 1)
print(sampler.drain().rows[0].writes)
""")
    assert out.split() == ["1"]


def test_a_fork_beside_threads_in_calls_does_not_hang():
    ends_well("""
import warnings
warnings.simplefilter('ignore')
sampler, ids, stop = made(), np.ones(300_000, np.uint64), threading.Event()
def work(call):
    while not stop.is_set(): call()
for call in (sampler.flush, lambda: sampler.observe_many(ids, 1, 1), lambda: sampler.matrix()):
    threading.Thread(target=work, args=(call,)).start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(20, exit=True)
        try: sampler.flush()
        except keyviz.ForkedError: pass
        del sampler
        gc.collect()
        made().close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop.set()
""")


def test_processes_of_multiprocessing_make_their_own():
    ends_well("""
import concurrent.futures, multiprocessing
def total(times):
    sampler = made()
    sampler.observe_many([1] * times, 1, 1)
    sampler.flush()
    return sampler.matrix()
parent = made()
with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:
    matrices = list(pool.map(total, [1, 2, 3]))
assert [int(matrix.values.sum()) for matrix in matrices] == [5001, 5002, 5003]
""")


def test_a_missing_or_foreign_library_is_an_import_error(tmp_path):
    code = "import os, sys; os.environ['KEYVIZ_LIBRARY'] = sys.argv[1]\ntry: import keyviz\nexcept ImportError as why: print(why)"
    text = tmp_path / "text.so"
    text.write_text("not a library")
    import _ctypes

    for path in (tmp_path / "none.so", text, _ctypes.__file__):
        told = run_python(code, path).stdout
        assert str(path) in told and "not a libkeyviz" in told


def test_what_nobody_refers_to_is_freed():
    freed = []

    def watch(thing):
        weakref.finalize(thing, freed.append, 1)

    sampler = Sampler()
    sampler.register_route(1)
    sampler.observe(1, b"k", 1)
    sampler.flush()
    matrix = sampler.matrix()
    view = matrix.values[:, :1]
    watch(sampler)
    watch(matrix)
    del sampler
    gc.collect()
    assert freed == [1] and view.tolist() == [[1]]
    del matrix
    gc.collect()
    assert freed == [1, 1] and view.tolist() == [[1]]


def test_memory_of_samplers_and_matrices_is_given_back():
    import resource

    def grown():
        for _ in range(200):
            sampler = Sampler(labels_enabled=True)
            sampler.register_routes([(i, b"%05d" % i, b"%05d" % (i + 1)) for i in range(200)])
            sampler.observe_many(np.arange(200, dtype=np.uint64), 1, 1)
            sampler.flush()
            matrix = sampler.matrix()
            assert matrix.values.sum() == 200 and matrix.to_json()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    grown()
    before = grown()
    assert grown() - before < 8 << 10, "KiB"


def test_collecting_garbage_in_the_middle_does_no_harm():
    """Cycles through samplers, matrices and views, collected by threads at any time."""
    gc.set_threshold(5)
    try:

        def work():
            for _ in range(60):
                sampler = Sampler()
                sampler.register_route(1)
                sampler.observe(1, b"k", 1)
                sampler.flush()
                matrix = sampler.matrix()
                sampler.cycle = [sampler, matrix, matrix.values]
                assert matrix.values[0, 0] == 1

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(700, 10, 10)


@pytest.mark.skipif(not hasattr(sys, "_is_gil_enabled"), reason="an older Python")
def test_importing_it_keeps_the_gil_as_it_was():
    out = run_python("import sys, numpy; a = sys._is_gil_enabled(); import keyviz; print(a == sys._is_gil_enabled())").stdout
    assert out.strip() == "True"
