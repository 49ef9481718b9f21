"""Random programs against a model, and any argument anywhere. KEYVIZ_FUZZ multiplies the number of programs."""

import array
import datetime
import gc
import inspect
import os
from collections import Counter

import numpy as np
from conftest import BEGIN, SECOND
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import keyviz
from keyviz import Matrix, Sampler

TIMES = int(os.environ.get("KEYVIZ_FUZZ", "1"))
QUIET = {"deadline": None, "suppress_health_check": [*HealthCheck]}

IDS = st.sampled_from([0, 1, 2, 3, 2**31, 2**64 - 2])
KEYS = st.binary(max_size=12)
SIZES = st.integers(0, 5) | st.sampled_from([2**31 - 1, 2**31, 2**40])
OPS = st.integers(0, 1)
LABELS = st.integers(0, 5)
OBSERVATIONS = st.lists(st.tuples(IDS, OPS, KEYS, SIZES, LABELS), max_size=40)


class Counting(RuleBasedStateMachine):
    """What is observed is drained, flushed or still to come; nothing else is. (The core has a fuller model of its own: this
    is about what the binding does to arguments and results.)"""

    @initialize(labels=st.booleans(), buckets=st.sampled_from([1, 4, 64]), history=st.booleans(), hot=st.booleans())
    def begin(self, labels, buckets, history, hot):
        self.sampler = Sampler(
            created=BEGIN, labels_enabled=labels, key_buckets_per_route=buckets, history=history, hot_keys_enabled=hot
        )
        self.labels, self.history, self.now = labels, history, BEGIN
        self.routes, self.pending, self.kept, self.missed = set(), Counter(), Counter(), 0
        self.views = []

    def count(self, route, op, size, label):
        if route not in self.routes:
            self.missed += 1
            return False
        self.pending[route, label if self.labels else 0, op] += 1
        self.pending[route, label if self.labels else 0, "bytes", op] += size
        return True

    @rule(route=IDS, start=KEYS, end=st.none() | KEYS)
    def register(self, route, start, end):
        try:
            self.sampler.register_route(route, start, end)
        except keyviz.InvalidRangeError:
            assert end and start >= end
        else:
            self.routes.add(route)

    @rule(route=IDS)
    def remove(self, route):
        self.sampler.remove_route(route, self.now)
        self.routes.discard(route)

    @rule(route=IDS, op=OPS, key=KEYS, size=SIZES, label=LABELS, sized=st.booleans())
    def observe(self, route, op, key, size, label, sized):
        try:
            if sized:
                self.sampler.observe_sized(route, op, len(key), size, label)
            else:
                self.sampler.observe(route, key, op, size, label)
        except keyviz.UnknownRouteError:
            assert not self.count(route, op, 0, label)
        else:
            assert self.count(route, op, len(key) + size, label)

    @rule(many=OBSERVATIONS, keys=st.booleans(), lists=st.booleans())
    def observe_many(self, many, keys, lists):
        ids, ops, names, sizes, labels = [*zip(*many)] or [()] * 5
        expected = sum(self.count(one[0], one[1], len(one[2]) + one[3], one[4]) for one in many)
        give = list if lists else np.array
        columns = [(ids, "u8"), (ops, "u1"), ([*map(len, names)], "u4"), (sizes, "u8"), (labels, "u1")]
        given = [list(values) if give is list else np.array(values, kind) for values, kind in columns]
        if keys:
            given[2] = list(names)
            assert self.sampler.observe_keys(*given, strict=False) == expected
        else:
            assert self.sampler.observe_many(*given, strict=False) == expected

    @rule(seconds=st.integers(0, 20), drain=st.booleans())
    def flush(self, seconds, drain):
        self.now += seconds * SECOND
        if drain or not self.history:
            column = self.sampler.drain(self.now)
        else:
            column = self.sampler.column(self.sampler.flush(self.now))
        found = Counter()
        for row in column:
            found[row.route_id, int(row.label), 0] += row.reads
            found[row.route_id, int(row.label), 1] += row.writes
            found[row.route_id, int(row.label), "bytes", 0] += row.read_bytes
            found[row.route_id, int(row.label), "bytes", 1] += row.write_bytes
        assert +found == +self.pending
        self.kept += self.pending
        self.pending.clear()

    @rule(series=st.sampled_from([*keyviz.Series]))
    def matrix(self, series):
        assume(self.history)
        matrix = self.sampler.matrix(series)
        if matrix.shape[0] < 1024:
            place = {"READS": (0,), "WRITES": (1,), "READ_BYTES": ("bytes", 0), "WRITE_BYTES": ("bytes", 1)}[series.name]
            assert matrix.values.sum() == sum(n for key, n in self.kept.items() if key[2:] == place)
        assert Matrix.from_json(matrix.to_json()).rows == matrix.rows
        self.views.append((matrix.values, matrix.values.copy()))

    @rule()
    def publish(self):
        try:
            self.sampler.publish_hot_keys(self.now)
        except keyviz.HotKeysOffError:
            pass

    @rule()
    def collect(self):
        gc.collect(0)

    @invariant()
    def what_was_given_stays(self):
        if hasattr(self, "sampler"):
            assert self.sampler.stats().missed == self.missed
            assert all((view == copy).all() for view, copy in self.views)

    def teardown(self):
        if hasattr(self, "sampler"):
            self.sampler.close()


TestCounting = Counting.TestCase
TestCounting.settings = settings(max_examples=60 * TIMES, stateful_step_count=40, **QUIET)

ODD = [
    *keyviz.Op, *keyviz.Label, *keyviz.Series, keyviz.Sampler, keyviz.Op, object(), int, b"", "writes", "merge", "redis",
    datetime.datetime.now(), datetime.datetime.now(datetime.timezone.utc), datetime.datetime.max,
    datetime.timedelta.max, datetime.timedelta(-1), np.uint64(2**64 - 1), np.float64("nan"), np.array(5),
    np.zeros(3, "u8"), np.zeros((2, 2)), np.zeros(0, "u1"), np.ones(3, "u4"), np.array([None]), np.array(["a"], "S3"),
    np.zeros(3, ">u8"), np.zeros(6, "u8")[::2], memoryview(b"abc"), memoryview(bytearray(4)).cast("I"),
    array.array("Q", [1, 2]), array.array("u", "ab"), np.zeros(2, [("a", "u8")]), range(3), {}, {1}, Ellipsis,
]  # fmt: skip

ANYTHING = st.deferred(
    lambda: (
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.text(max_size=5)
        | st.binary(max_size=40)
        | st.integers(0, len(ODD) - 1).map(ODD.__getitem__)
        | st.lists(ANYTHING, max_size=3)
        | st.tuples(ANYTHING, ANYTHING)
    )
)

ALLOWED = (keyviz.Error, TypeError, ValueError, LookupError, OSError, OverflowError)


def calls():
    """Every public call, but those that write files or pages."""
    sampler = Sampler(created=BEGIN, labels_enabled=True, hot_keys_enabled=True, hot_keys_sample_rate=1)
    sampler.register_routes([(1, b"a", b"m"), (2, b"m", None)])
    sampler.observe_keys(1, 1, [b"b"] * 9)
    sampler.publish_hot_keys(BEGIN)
    sampler.flush(BEGIN + SECOND)
    matrix = sampler.matrix()
    skipped = {"close", "to_html", "to_csv", "to_json", "to_proto", "to_png", "save_history", "plot"}
    for thing in (sampler, matrix, sampler.hot_keys(1), sampler.columns(), sampler.columns()[0], keyviz.Merge()):
        for name in dir(type(thing)):
            if not name.startswith("_") and name not in skipped and callable(getattr(thing, name)):
                yield getattr(thing, name)
        if hasattr(thing, "__getitem__"):
            yield thing.__getitem__
    yield from (keyviz.Sampler, keyviz.Merge, keyviz.Columns, keyviz.merge, keyviz.merge_hot_keys, keyviz.heatmap_page)
    yield from (keyviz.live_page, keyviz.Route)


CALLS = [*calls()]
DOCUMENTS = (
    CALLS[0].__self__.matrix().to_json().encode(),
    CALLS[0].__self__.matrix().to_proto(),
    CALLS[0].__self__.hot_keys(1).to_json(),
    CALLS[0].__self__.save_history(),
)


@settings(max_examples=1500 * TIMES, **QUIET)
@given(call=st.sampled_from(CALLS), arguments=st.lists(ANYTHING, max_size=6))
def test_any_argument_is_taken_or_refused(call, arguments):
    try:
        call(*arguments)
    except ALLOWED:
        pass


@settings(max_examples=300 * TIMES, **QUIET)
@given(options=st.dictionaries(st.sampled_from([*inspect.signature(Sampler).parameters]), ANYTHING, max_size=4))
def test_any_option_is_taken_or_refused(options):
    try:
        with Sampler(**options) as sampler:
            sampler.register_route(1)
            sampler.observe(1, b"k", 1)
            assert sampler.drain()["writes"].tolist() == [1]
    except ALLOWED:
        pass


@settings(max_examples=300 * TIMES, **QUIET)
@given(data=st.data())
def test_damaged_documents_are_refused_or_whole(data):
    whole = data.draw(st.sampled_from(DOCUMENTS))
    at = data.draw(st.integers(0, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + data.draw(st.integers(0, 6)) :]
    for read in (Matrix.from_json, lambda text: Matrix.from_proto(text, 0), keyviz.HotKeys.from_json, Sampler().load_history):
        try:
            made = read(damaged)
            if isinstance(made, Matrix):
                assert made.values.shape == made.shape and len(made.rows) == made.shape[0] == len(made.verdicts)
        except (keyviz.MalformedError, keyviz.TooLargeError, keyviz.CorruptError, keyviz.NewerVersionError):
            pass
