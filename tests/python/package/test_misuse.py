"""Misuse raises, and says what is wrong; nothing is counted then."""

import array
import copy
import ctypes
import datetime
import pickle
import threading

import numpy as np
import pytest
from conftest import BEGIN, MINUTE

import keyviz
from keyviz import ClosedError, InvalidArgumentError, Op, Sampler

N = 1000
GOOD = {
    "route_ids": np.ones(N, np.uint64),
    "ops": np.ones(N, np.uint8),
    "key_lens": np.full(N, 3, np.uint32),
    "value_lens": np.full(N, 5, np.uint64),
    "labels": np.zeros(N, np.uint8),
}


@pytest.fixture
def one():
    with Sampler(created=BEGIN) as sampler:
        sampler.register_route(1)
        yield sampler


def counted(sampler):
    return sum(int((column["reads"] + column["writes"]).sum()) for column in [sampler.drain()])


# ---- Arrays.


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "change",
    [
        lambda good: good.astype("i8"),
        lambda good: good.astype(good.dtype.newbyteorder(">")) if good.itemsize > 1 else good.astype("i1"),
        lambda good: good.astype(float),
        lambda good: good.astype("u2"),
        lambda good: good.astype(object),
        lambda good: good.astype(str),
        lambda good: np.datetime64("2024-01-01"),
        lambda good: "not a number",
        lambda good: 1.5,
        lambda good: None,
        lambda good: [1.5] * N,
        lambda good: ["x"] * N,
        lambda good: {1: 2},
        lambda good: object(),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(one, name, change):
    with pytest.raises((TypeError, ValueError), match=name):
        one.observe_many(**{**GOOD, name: change(GOOD[name])})
    assert counted(one) == 0 and one.stats().refused == 0


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "change",
    [
        lambda good: good[:-1],
        lambda good: np.concatenate([good, good]),
        lambda good: good[:0],
        lambda good: np.repeat(good, 2)[::2],
        lambda good: good[::-1],
        lambda good: good.reshape(2, -1),
        lambda good: good.reshape(-1, 1),
        lambda good: np.zeros((), good.dtype),
        lambda good: -1,
        lambda good: 2**64,
        lambda good: [-1] * N,
        lambda good: [2**64] * N,
        lambda good: np.zeros(good.nbytes + 1, np.uint8)[1:].view(good.dtype) if good.itemsize > 1 else -1,
    ],
)
def test_what_is_of_another_shape_or_size_is_refused(one, name, change):
    with pytest.raises(InvalidArgumentError):
        one.observe_many(**{**GOOD, name: change(GOOD[name])})
    assert counted(one) == 0


@pytest.mark.parametrize(
    "arrays",
    [
        GOOD,
        {name: memoryview(values) for name, values in GOOD.items()},
        {name: array.array(values.dtype.char, values.tolist()) for name, values in GOOD.items()},
        {name: values.tolist() for name, values in GOOD.items()},
        {name: (np.ctypeslib.as_ctypes_type(values.dtype) * N)(*values.tolist()) for name, values in GOOD.items()},
        {**GOOD, "ops": GOOD["ops"].tobytes(), "labels": bytearray(N)},
        {**GOOD, "ops": GOOD["ops"].astype(bool)},
        {**GOOD, "ops": 1, "key_lens": 3, "value_lens": 5, "labels": 0},
        {**GOOD, "ops": Op.WRITE, "key_lens": np.int16(3), "labels": "s3"},
        {**GOOD, "ops": "write", "labels": ""},
    ],
    ids=range(10),
)
def test_arrays_of_many_kinds_are_counted(one, arrays):
    for values in arrays.values():
        if isinstance(values, np.ndarray):
            values.flags.writeable = False
    assert one.observe_many(**arrays) == N
    column = one.drain()
    assert [column[name].tolist() for name in ("reads", "writes", "write_bytes")] == [[0], [N], [8 * N]]


def test_series_and_columns_of_data_frames_are_arrays(one):
    pandas, polars, pyarrow = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    frame = pandas.DataFrame(GOOD)
    assert one.observe_many(*(frame[name] for name in GOOD)) == N
    frame = polars.DataFrame(GOOD)
    assert one.observe_many(*(frame[name] for name in GOOD)) == N
    table = pyarrow.table(GOOD)
    assert one.observe_many(*(table[name] for name in GOOD)) == N
    assert counted(one) == 3 * N
    with pytest.raises(TypeError, match="key_lens must be an array of uint32, not of int64"):
        one.observe_many(1, 1, pandas.Series([1, 2]))
    with pytest.raises(TypeError, match="key_lens"):
        one.observe_many(1, 1, pandas.Series([1, None]))


def test_one_number_stands_for_as_many_as_there_are(one):
    many = 200_001
    values = np.arange(many, dtype=np.uint64)
    assert one.observe_many(1, Op.WRITE, 2, values) == many
    column = one.drain()
    assert column["write_bytes"].tolist() == [int(values.sum()) + 2 * many]
    with pytest.raises(InvalidArgumentError, match="array"):
        one.observe_many(1, 1, 1)


def test_those_that_can_not_count_are_left_out_and_told_of(one):
    ids, ops = np.array([1, 9, 1, 1, 9], np.uint64), np.array([0, 0, 1, 2, 1], np.uint8)
    with pytest.raises(keyviz.UnknownRouteError, match="3 of 5") as caught:
        one.observe_many(ids, ops, 1)
    assert caught.value.counted == 2
    with pytest.raises(InvalidArgumentError, match="op") as caught:
        one.observe_many(ids[2:], ops[2:], 1)
    assert caught.value.counted == 1
    assert one.observe_many(ids, ops, 1, strict=False) == 2
    assert one.observe_keys(ids, ops, [b"k"] * 5, strict=False) == 2
    assert counted(one) == 7
    assert (one.stats().missed, one.stats().refused) == (2 + 1 + 2 + 2, 4)


@pytest.mark.parametrize(
    "keys", ["abc", b"abc", 7, None, ["a"], [b"a", None], [b"a", 1], np.array(["a"]), np.array([1]), [[b"a"]], {b"a": 1}]
)
def test_keys_are_many_bytes(one, keys):
    if isinstance(keys, dict):
        assert one.observe_keys(1, 1, keys) == 1
        return
    with pytest.raises(TypeError, match="key"):
        one.observe_keys(1, 1, keys)
    assert counted(one) == 0


def test_as_many_keys_as_numbers(one):
    with pytest.raises(InvalidArgumentError, match="keys has 3"):
        one.observe_keys([1, 1], 1, [b"a", b"b", b"c"])
    assert one.observe_keys(1, 1, []) == 0 and one.observe_many([], 1, 1) == 0


def test_arrays_can_not_be_resized_under_the_call_and_changes_do_no_harm(one):
    ids = array.array("Q", [1]) * 400_000
    ops = np.ones(2 * len(ids), np.uint8)
    stop = threading.Event()

    def meddle():
        while not stop.is_set():
            ops[::997] += 1
            ids[5] ^= 2
            try:
                ids.append(1)
                ids.pop()
            except BufferError:
                # A call is reading it.
                pass

    thread = threading.Thread(target=meddle)
    thread.start()
    given = 0
    try:
        for _ in range(30):
            try:
                one.observe_many(ids, ops[: len(ids)], 1, strict=False)
                given += 1
            except InvalidArgumentError:
                # It grew between the two arguments.
                pass
    finally:
        stop.set()
        thread.join()
    assert given > 0 and 0 < counted(one) <= 30 * len(ids)


# ---- Other arguments.


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((1, "key", 0), TypeError),
        ((1, None, 0), TypeError),
        ((1, 7, 0), TypeError),
        ((1.0, b"k", 0), TypeError),
        (("1", b"k", 0), TypeError),
        ((None, b"k", 0), TypeError),
        ((-1, b"k", 0), InvalidArgumentError),
        ((2**64, b"k", 0), InvalidArgumentError),
        ((1, b"k", 2), InvalidArgumentError),
        ((1, b"k", -1), InvalidArgumentError),
        ((1, b"k", 2**32), InvalidArgumentError),
        ((1, b"k", 2**32 + 1), InvalidArgumentError),
        ((1, b"k", 2**64), InvalidArgumentError),
        ((1, b"k", 0.0), TypeError),
        ((1, b"k", "delete"), InvalidArgumentError),
        ((1, b"k", 0, -1), InvalidArgumentError),
        ((1, b"k", 0, 2**64), InvalidArgumentError),
        ((1, b"k", 0, 0.5), TypeError),
        ((1, b"k", 0, "5"), TypeError),
        ((1, b"k", 0, 0, 6), InvalidArgumentError),
        ((1, b"k", 0, 0, 2**32), InvalidArgumentError),
        ((1, b"k", 0, 0, -1), InvalidArgumentError),
        ((1, b"k", 0, 0, "http"), InvalidArgumentError),
        ((1, b"k", 0, 0, None), TypeError),
        ((1, ctypes.c_char_p(b"k"), 0), TypeError),
        ((1,), TypeError),
    ],
)
def test_a_bad_observation_raises_and_counts_nothing(one, arguments, what):
    with pytest.raises(what):
        one.observe(*arguments)
    assert counted(one) == 0


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda s: s.register_route(2, b"b", b"a"), keyviz.InvalidRangeError),
        (lambda s: s.register_route(2, "a"), TypeError),
        (lambda s: s.register_route(-2), InvalidArgumentError),
        (lambda s: s.register_routes([(2, b"a"), (3, b"b", b"a")]), keyviz.InvalidRangeError),
        (lambda s: s.register_routes([2]), TypeError),
        (lambda s: s.register_routes([()]), TypeError),
        (lambda s: s.register_routes(7), TypeError),
        (lambda s: s.flush("now"), TypeError),
        (lambda s: s.flush(1.5), TypeError),
        (lambda s: s.flush(2**63), InvalidArgumentError),
        (lambda s: s.flush(datetime.datetime.now()), InvalidArgumentError),
        (lambda s: s.columns(end=datetime.date(2024, 1, 1)), TypeError),
        (lambda s: s.matrix("watts"), InvalidArgumentError),
        (lambda s: s.matrix(9), InvalidArgumentError),
        (lambda s: s.matrix(rows=-1), InvalidArgumentError),
        (lambda s: s.matrix(mode="bottom"), InvalidArgumentError),
        (lambda s: s.matrix(node="\ud800"), InvalidArgumentError),
        (lambda s: s.matrix(node=b"n"), TypeError),
        (lambda s: s.hot_keys(1), keyviz.HotKeysOffError),
        (lambda s: s.hot_keys(1, top=2**63), InvalidArgumentError),
        (lambda s: s.load_history(b"KVZH"), keyviz.CorruptError),
        (lambda s: s.load_history(7), TypeError),
        (lambda s: s.set_leader_term(1, "x"), TypeError),
        (lambda s: s.apply_split(1, []), InvalidArgumentError),
        (lambda s: s.apply_merge([], (3, b"")), InvalidArgumentError),
        (lambda s: s.sub_bucket_bounds(1, -1), InvalidArgumentError),
        (lambda s: s.column(-1), InvalidArgumentError),
        (lambda s: Sampler(step=-1), InvalidArgumentError),
        (lambda s: Sampler(step=1.5), TypeError),
        (lambda s: Sampler(history_columns=2**32), InvalidArgumentError),
        (lambda s: Sampler(resolutions=[(1, 2)] * 5), InvalidArgumentError),
        (lambda s: Sampler(resolutions=[(-1, 2)]), InvalidArgumentError),
        (lambda s: Sampler(hot_keys_series="none"), InvalidArgumentError),
        (lambda s: Sampler(1), TypeError),
        (lambda s: Sampler(colour="red"), TypeError),
        (lambda s: s.__init__(), TypeError),
    ],
)
def test_bad_arguments_raise(one, call, what):
    with pytest.raises(what) as caught:
        call(one)
    assert str(caught.value)
    one.observe(1, b"k", 0)
    assert one.stats().routes == 1 and counted(one) == 1


# ---- Life.


CALLS = {
    "register_route": (1,),
    "register_routes": ([(1, b"")],),
    "remove_route": (1,),
    "apply_split": (1, [(2, b"")]),
    "apply_merge": ([1], (2, b"")),
    "set_leader_term": (1, 1),
    "sub_bucket_bounds": (1, 0),
    "observe": (1, b"k", 0),
    "observe_sized": (1, 0, 1),
    "observe_many": ([1], 0, 1),
    "observe_keys": (1, 0, [b"k"]),
    "flush": (),
    "drain": (),
    "columns": (),
    "column": (0,),
    "save_history": (),
    "load_history": (b"",),
    "matrix": (),
    "publish_hot_keys": (),
    "hot_keys": (1,),
}


def test_every_call_of_a_closed_sampler_says_that_it_is_closed():
    sampler = Sampler()
    sampler.close()
    sampler.close()
    assert sampler.closed and "closed" in repr(sampler)
    for name, arguments in CALLS.items():
        with pytest.raises(ClosedError, match="closed"):
            getattr(sampler, name)(*arguments)
    with pytest.raises(ClosedError), sampler:
        pass
    public = {name for name in dir(Sampler) if not name.startswith("_")}
    assert public == {*CALLS, "close", "closed", "stats", "events"}


def test_a_sampler_that_was_never_made_says_so():
    class Lazy(Sampler):
        def __init__(self):
            pass

    lazy = Lazy()
    for name, arguments in {**CALLS, "stats": (), "events": (), "close": ()}.items():
        with pytest.raises(keyviz.Error, match="super"):
            getattr(lazy, name)(*arguments)
    assert "super" in repr(lazy) and lazy.closed


def test_a_subclass_is_a_sampler():
    class Counting(Sampler):
        def __init__(self, **options):
            super().__init__(labels_enabled=True, **options)
            self.calls = 0

        def observe(self, *arguments):
            self.calls += 1
            super().observe(*arguments)

        def __eq__(self, other):
            return True

    with Counting(step=10**9) as sampler:
        sampler.register_route(1)
        sampler.observe(1, b"k", 0)
        assert sampler.calls == 1 and counted(sampler) == 1
        assert "Counting" in repr(sampler)


def test_closing_beside_callers_ends_them_with_an_error():
    for _ in range(10):
        sampler = Sampler()
        sampler.register_route(1)
        ids, ended = np.ones(10_000, np.uint64), []

        def work(call):
            try:
                while True:
                    call()
            except ClosedError:
                ended.append(1)

        calls = [
            lambda: sampler.observe(1, b"key", 1),
            lambda: sampler.observe_many(ids, 0, 1),
            lambda: sampler.flush(),
            lambda: sampler.matrix().to_json(),
        ]
        threads = [threading.Thread(target=work, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        sampler.observe(1, b"key", 1)
        sampler.close()
        for thread in threads:
            thread.join(30)
        assert len(ended) == len(calls)


def test_samplers_are_not_copied_or_pickled(one):
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        for thing in (one, keyviz.Merge(), one._handle):
            with pytest.raises(TypeError, match="pickled"):
                way(thing)


def test_errors_are_pickled_with_what_they_say(one):
    with pytest.raises(keyviz.UnknownRouteError) as caught:
        one.observe(5, b"", 0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is keyviz.UnknownRouteError and str(again) == str(caught.value) and again.status == 7


def test_no_error_or_representation_holds_a_key():
    secret = b"secret-user"
    with Sampler(hot_keys_enabled=True, hot_keys_sample_rate=1) as sampler:
        sampler.register_route(1, secret, None)
        sampler.observe(1, secret, 1)
        for call in (
            lambda: sampler.observe(2, secret, 1),
            lambda: sampler.observe(1, secret, 7),
            lambda: sampler.observe_keys(2, 1, [secret]),
        ):
            with pytest.raises(keyviz.Error) as caught:
                call()
            assert "secret" not in str(caught.value)
        sampler.publish_hot_keys()
        assert "secret" not in repr(sampler.hot_keys(1)) and "secret" not in repr(sampler)
        sampler.flush(BEGIN + MINUTE)
        assert "secret" not in repr(sampler.columns())
