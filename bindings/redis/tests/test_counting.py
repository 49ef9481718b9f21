"""What counts as what: each command against the real server, to the key and the byte."""

import threading
import time
import unittest

import redis

from counts import Step, totals
from server import Server

EXACT = ("step", 86400, "history", 1, "hotkeys", "yes", "sample-rate", 1)

# A command; the keys that it reads; those that it writes, with the bytes of their values.
CASES = [
    ("GET k", ["k"], {}),
    ("get k", ["k"], {}),
    ("MGET a b a", ["a", "b", "a"], {}),
    ("EXISTS a b", ["a", "b"], {}),
    ("STRLEN k", ["k"], {}),
    ("SET k hello", [], {"k": 5}),
    ("SET k hello EX 100 NX", [], {"k": 5}),
    ("SETEX k 100 hello", [], {"k": 5}),
    ("PSETEX k 100000 hello", [], {"k": 5}),
    ("SETNX k hello", [], {"k": 5}),
    ("GETSET k hello", [], {"k": 5}),
    ("SETRANGE k 3 lo", [], {"k": 2}),
    ("APPEND k more", [], {"k": 4}),
    ("MSET a 1 bb 22 c 333", [], {"a": 1, "bb": 2, "c": 3}),
    ("MSETNX a 1 bb 22", [], {"a": 1, "bb": 2}),
    ("INCR n", [], {"n": 0}),
    ("INCRBY n 100", [], {"n": 3}),
    ("DEL a b", [], {"a": 0, "b": 0}),
    ("UNLINK a", [], {"a": 0}),
    ("EXPIRE k 100", [], {"k": 3}),
    ("TTL k", ["k"], {}),
    ("TYPE k", ["k"], {}),
    ("DUMP k", ["k"], {}),
    ("HSET h f value g v", [], {"h": 8}),
    ("HGET h f", ["h"], {}),
    ("HMGET h f g", ["h"], {}),
    ("HGETALL h", ["h"], {}),
    ("HSCAN h 0", ["h"], {}),
    ("HDEL h f", [], {"h": 1}),
    ("LPUSH l one two", [], {"l": 6}),
    ("LRANGE l 0 -1", ["l"], {}),
    ("LPOP l", [], {"l": 0}),
    ("BLPOP l m 0.01", [], {"l": 0, "m": 0}),
    ("RPOPLPUSH l m", [], {"l": 0, "m": 0}),
    ("LMOVE l m LEFT RIGHT", [], {"l": 0, "m": 0}),
    ("LMPOP 2 l m LEFT", [], {"l": 0, "m": 0}),
    ("SADD s one", [], {"s": 3}),
    ("SINTER s t", ["s", "t"], {}),
    ("SINTERCARD 2 s t", ["s", "t"], {}),
    ("SINTERSTORE d s t", ["s", "t"], {"d": 0}),
    ("SMOVE s t one", [], {"s": 0, "t": 0}),
    ("ZADD z 1 one", [], {"z": 4}),
    ("ZRANGE z 0 -1", ["z"], {}),
    ("ZUNION 2 z y", ["z", "y"], {}),
    ("ZUNIONSTORE d 2 z y WEIGHTS 1 2", ["z", "y"], {"d": 0}),
    ("ZRANGESTORE d z 0 -1", ["z"], {"d": 0}),
    ("GEOADD g 13.36 38.11 here", [], {"g": 14}),
    ("GEOSEARCHSTORE d g FROMLONLAT 13 38 BYRADIUS 200 km", ["g"], {"d": 0}),
    ("SORT l ALPHA", ["l"], {}),
    ("SORT l ALPHA STORE d", ["l"], {"d": 0}),
    ("PFADD p one", [], {"p": 3}),
    ("PFCOUNT p q", ["p", "q"], {}),
    ("PFMERGE d p q", ["p", "q"], {"d": 0}),
    ("BITOP AND d k n", ["k", "n"], {"d": 0}),
    ("BITCOUNT k", ["k"], {}),
    ("RENAME k j", [], {"k": 0, "j": 0}),
    ("COPY j k", ["j"], {"k": 0}),
    ("XADD x * field value", [], {"x": 11}),
    ("XRANGE x - +", ["x"], {}),
    ("XREAD COUNT 1 STREAMS x y 0 0", ["x", "y"], {}),
    ("XGROUP CREATE x group 0", [], {"x": 6}),
    ("XREADGROUP GROUP group me STREAMS x >", ["x"], {}),
    ("XINFO STREAM x", ["x"], {}),
    ("OBJECT ENCODING x", ["x"], {}),
    ("MEMORY USAGE x", ["x"], {}),
    # Scripts count by what they call.
    ("EVAL return(1) 2 a b", [], {}),
    ("EVAL return(redis.call('get',KEYS[1])) 1 a", ["a"], {}),
    ("EVAL return(redis.call('set',KEYS[1],ARGV[1])) 1 a 12345", [], {"a": 5}),
    # No value is touched.
    ("PING", [], {}),
    ("WATCH k", [], {}),
    ("UNWATCH", [], {}),
    ("KEYS *", [], {}),
    ("SCAN 0", [], {}),
    ("PUBLISH channel message", [], {}),
    ("CONFIG GET save", [], {}),
    ("COMMAND GETKEYS GET k", [], {}),
    ("KEYVIZ.STATS", [], {}),
    # Requests that fail when they run are requests; those of which no key can be told are not.
    ("GET l", ["l"], {}),
    ("INCR l", [], {"l": 0}),
    ("GET", [], {}),
    ("GET a b", [], {}),
    ("SET k", [], {}),
    ("NOSUCHCOMMAND k", [], {}),
    ("XREAD STREAMS x", [], {}),
    ("LMPOP 99 l LEFT", [], {}),
    ("OBJECT NOSUCH x", [], {}),
]

# Where key specifications, written for access control, say more than the command does with values.
NOT_AS_SPECIFIED = {"PFCOUNT", "EVAL", "WATCH"}


def expected(reads, writes):
    return {
        "reads": len(reads),
        "writes": len(writes),
        "read_bytes": sum(map(len, reads)),
        "write_bytes": sum(len(key) + value for key, value in writes.items()),
    }


def tally(keys):
    found = {}
    for key in keys:
        found[key.encode()] = found.get(key.encode(), 0) + 1
    return found


class Counting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(EXACT)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def send(self, line):
        try:
            return self.server.run(*line.split(" "))
        except redis.exceptions.ResponseError as error:
            return error

    def test_each_command_counts_its_keys_and_bytes(self):
        self.server.run("FLUSHALL")
        self.server.run("RPUSH", "l", "x", "y", "z")
        for line, reads, writes in CASES:
            with self.subTest(line):
                with Step(self.server) as step:
                    self.send(line)
                self.assertEqual(step.added, expected(reads, writes))
                self.assertEqual(step.keys, {"reads": tally(reads), "writes": tally(writes)})

    def test_the_keys_are_those_that_the_server_names(self):
        for line, reads, writes in CASES:
            if line.split()[0] in NOT_AS_SPECIFIED:
                continue
            with self.subTest(line):
                try:
                    named = self.server.run("COMMAND", "GETKEYSANDFLAGS", *line.split(" "))
                except redis.exceptions.ResponseError:
                    named = []
                self.assertEqual(tally(reads), tally(k.decode() for k, flags in named if b"RO" in flags))
                self.assertEqual(tally(writes), tally(k.decode() for k, flags in named if b"RO" not in flags))

    def test_keys_and_values_are_any_bytes(self):
        key, value = b"\x00\xff\r\n" * 3, bytes(range(256)) * 100
        with Step(self.server) as step:
            self.server.run("SET", key, value)
            self.server.run("GET", key)
            self.server.run("SET", b"", b"")
        self.assertEqual(step.keys, {"reads": {key: 1}, "writes": {key: 1, b"": 1}})
        self.assertEqual(step.added["write_bytes"], len(key) + len(value))

    def test_a_command_with_very_many_keys_counts_each(self):
        with Step(self.server) as step:
            self.server.run("MGET", *[f"k{i % 100}" for i in range(5000)])
            self.server.run("SINTERCARD", 200, *[f"k{i % 100}" for i in range(200)])
        self.assertEqual(step.added["reads"], 5200)
        self.assertEqual(step.keys["reads"], {f"k{i}".encode(): 52 for i in range(100)})

    def test_a_transaction_counts_when_it_is_queued_and_once(self):
        with Step(self.server) as step:
            with self.server.client.pipeline(transaction=True) as transaction:
                transaction.set("t", "12345").get("t").incrby("n", 10).execute()
        self.assertEqual(step.added, {"reads": 1, "writes": 2, "read_bytes": 1, "write_bytes": 9})

    def test_a_discarded_transaction_counts_as_it_was_asked_for(self):
        connection = self.server.client.connection_pool.get_connection()
        with Step(self.server) as step:
            for line in ("MULTI", "SET t 1", "DISCARD"):
                connection.send_command(*line.split())
                connection.read_response()
        self.server.client.connection_pool.release(connection)
        self.assertEqual(step.added["writes"], 1)

    def test_functions_count_by_what_they_call(self):
        put = "function(keys, args) return redis.call('SET', keys[1], args[1]) end"
        self.server.run("FUNCTION", "LOAD", "REPLACE", f"#!lua name=some\nredis.register_function('put', {put})")
        with Step(self.server) as step:
            self.server.run("FCALL", "put", 1, "f", "1234567")
        self.assertEqual(step.keys, {"reads": {}, "writes": {b"f": 1}})
        self.assertEqual(step.added["write_bytes"], 8)

    def test_a_blocked_command_counts_once(self):
        self.server.run("DEL", "empty")
        with Step(self.server) as step:
            waiter = threading.Thread(target=lambda: self.server.run("BLPOP", "empty", 10))
            waiter.start()
            while self.server.client.info("clients")["blocked_clients"] == 0:
                time.sleep(0.01)
            self.server.run("RPUSH", "empty", "x")
            waiter.join()
        self.assertEqual(step.keys["writes"], {b"empty": 2})


class Servers(unittest.TestCase):
    """Other ways to run a server."""

    def agreement(self, server, lines):
        """Drives a server, and compares with its own statistics; both from zero."""
        server.run("CONFIG", "RESETSTAT")
        for line in lines:
            server.benchmark("-q", "-n", 4000, "-c", 20, "-r", 1000, *line)
        server.run("KEYVIZ.FLUSH")
        calls = {name[len("cmdstat_"):]: stat["calls"] for name, stat in server.client.info("commandstats").items()}
        return totals(server), calls

    def test_totals_are_those_of_commandstats(self):
        for settings in ([], ["io-threads 2", "io-threads-do-reads yes"]):
            with self.subTest(settings), Server(("buckets", 64, "split", "key:000000000500"), settings) as server:
                found, calls = self.agreement(
                    server,
                    [("-P", 8, "-t", "set,get,incr,lpush,hset", "-d", 10), ("-P", 16, "-t", "get,set,mset"),
                     ("eval", "redis.call('set', KEYS[1], 'x'); return redis.call('get', KEYS[1])", 1, "key:__rand_int__")],
                )
                self.assertEqual(found["reads"], calls["get"])
                self.assertEqual(found["writes"], sum(calls[c] for c in ("set", "incr", "lpush", "hset")) + 10 * calls["mset"])
                self.assertEqual(calls["mset"], 4000)

    def test_a_refused_client_counts_as_a_request(self):
        with Server(EXACT, ["requirepass secret"]) as server:
            with self.assertRaises(redis.exceptions.AuthenticationError):
                server.run("GET", "k")
            server.connect(password="secret")
            server.run("KEYVIZ.FLUSH")
            self.assertEqual(totals(server)["reads"], 1)

    def test_renamed_commands_are_known_by_their_new_names(self):
        with Server(EXACT, ["rename-command GET obtain"]) as server:
            with Step(server) as step:
                server.run("OBTAIN", "k")
                with self.assertRaises(redis.exceptions.ResponseError):
                    server.run("GET", "k")
            self.assertEqual(step.keys["reads"], {b"k": 1})

    def test_a_replica_counts_what_its_primary_sends(self):
        with (
            Server(EXACT, ["repl-diskless-sync-delay 0"]) as primary,
            Server(EXACT, [f"replicaof 127.0.0.1 {primary.port}"]) as replica,
        ):
            while replica.client.info("replication")["master_link_status"] != "up":
                time.sleep(0.01)
            with Step(replica) as step:
                primary.run("SET", "k", "hello")
                primary.run("WAIT", 1, 5000)
            self.assertEqual(step.keys["writes"], {b"k": 1})
            self.assertEqual(step.added["write_bytes"], 6)

    def test_loading_a_file_counts_nothing(self):
        with Server(EXACT, ["appendonly yes", "enable-debug-command yes"]) as server:
            with Step(server) as step:
                server.run("SET", "k", "v")
                server.run("DEBUG", "LOADAOF")
            self.assertEqual(server.run("GET", "k"), b"v")
            self.assertEqual(step.keys["writes"], {b"k": 1})
