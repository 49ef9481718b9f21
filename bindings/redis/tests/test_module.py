"""The module as an operator meets it: arguments, replies, ranges, unloading, memory."""

import json
import pathlib
import struct
import subprocess
import threading
import time
import unittest

import redis

from counts import Step, totals
from server import MODULE, NOOP, Server

QUIET = ("step", 86400)


def maps(reply):
    return [dict(zip(entry[::2], entry[1::2])) for entry in reply]


def resident(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


class Arguments(unittest.TestCase):
    def test_a_bad_argument_refuses_the_load_and_the_log_says_why(self):
        cases = [
            (["step", 0], "argument step: seconds are needed, from 0.1 to 86400"),
            (["step", "nan"], "argument step: seconds"),
            (["step"], "argument step: its value is missing"),
            (["buckets", 257], "argument buckets: a whole number from 1 to 256 is needed"),
            (["history", "many"], "argument history: a whole number from 1 to 100000"),
            (["hotkeys", "maybe"], "argument hotkeys: yes, no, reads or writes"),
            (["sample-rate", 0], "argument sample-rate: a whole number from 1 to 1024"),
            (["memory", 5], "argument memory: a whole number"),
            (["group", -1], "argument group: a whole number"),
            (["split", ""], "argument split: a key is needed"),
            (["prefix", ""], "argument prefix: the beginning of keys is needed"),
            (["split", "a", "split", "b", "step", "x"], "argument step: seconds"),
            (["name", b"\xff"], "argument name: printable ASCII is needed"),
            (["speed", 3], "argument speed is unknown"),
        ]
        with Server(None) as server:
            for arguments, reason in cases:
                with self.subTest(arguments):
                    with self.assertRaises(redis.exceptions.ResponseError):
                        server.run("MODULE", "LOAD", MODULE, *arguments)
                    self.assertIn(reason, server.log_text())
            self.assertEqual(server.run("MODULE", "LIST"), [])
            server.run("MODULE", "LOAD", MODULE)
            self.assertEqual(server.client.info("keyviz")["keyviz_step_ms"], 60000)

    def test_a_server_that_hides_its_commands_is_told_what_is_needed(self):
        with Server(None, ['rename-command COMMAND ""']) as server:
            with self.assertRaises(redis.exceptions.ResponseError):
                server.run("MODULE", "LOAD", MODULE)
            self.assertIn("the server's COMMAND is needed", server.log_text())

    def test_each_step_becomes_a_column(self):
        with Server(("step", 0.1, "history", 5)) as server:
            deadline = time.monotonic() + 20
            while server.client.info("keyviz")["keyviz_columns"] < 5 and time.monotonic() < deadline:
                server.run("SET", "k", "v")
                time.sleep(0.02)
            columns = json.loads(server.run("KEYVIZ.MATRIX", "FORMAT", "json"))["column_unix_ms"]
            self.assertEqual(len(columns), 5)
            self.assertEqual(server.client.info("keyviz")["keyviz_failed_flushes"], 0)


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server((*QUIET, "hotkeys", "yes", "sample-rate", 1, "name", "node-1", "prefix", "user:"))
        cls.server.__enter__()
        for minute in range(3):
            for i in range(20):
                cls.server.run("SET", f"user:{i}", "x" * 10)
                cls.server.run("GET", "user:7")
            cls.server.run("LPUSH", "a", "b")
            cls.server.run("KEYVIZ.FLUSH")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def refused(self, *command):
        with self.assertRaises(redis.exceptions.ResponseError) as caught:
            self.server.run(*command)
        return str(caught.exception)

    def test_rows_tell_their_range_total_and_verdict(self):
        rows = maps(self.server.run("KEYVIZ.MATRIX"))
        self.assertEqual([row[b"row"] for row in rows], [b"route:1:redis", b"route:2:redis"])
        self.assertEqual([(row[b"start"], row[b"end"]) for row in rows], [(b"", b"user:"), (b"user:", b"user;")])
        self.assertEqual([row[b"total"] for row in rows], [3, 60])
        self.assertEqual({row[b"verdict"] for row in rows}, {b"irregular"})

    def test_a_matrix_comes_in_each_form(self):
        matrix = json.loads(self.server.run("KEYVIZ.MATRIX", "SERIES", "reads", "FORMAT", "json"))
        self.assertEqual([row["values"] for row in matrix["rows"]], [[0, 0, 0], [20, 20, 20]])
        self.assertEqual(matrix["node"], "node-1")
        text = self.server.run("keyviz.matrix", "format", "CSV", "series", "WRITE_BYTES").decode()
        self.assertEqual(text.splitlines()[1].split(",")[-3:], ["2", "2", "2"])
        picture = self.server.run("KEYVIZ.MATRIX", "FORMAT", "png")
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        self.assertGreater(min(struct.unpack(">II", picture[16:24])), 10)
        self.assertIn(b"route:2:redis", self.server.run("KEYVIZ.MATRIX", "FORMAT", "proto"))

    def test_the_page_has_all_series(self):
        page = self.server.run("KEYVIZ.HTML", "TITLE", "my store").decode()
        self.assertTrue(page.startswith("<!doctype html>"))
        self.assertIn("my store", page)
        for series in ("reads", "writes", "read_bytes", "write_bytes"):
            self.assertIn(series, page)

    def test_times_cut_the_columns(self):
        def columns(*times):
            return json.loads(self.server.run("KEYVIZ.MATRIX", "FORMAT", "json", *times))["column_unix_ms"]

        all_of_them = columns()
        self.assertEqual(columns("FROM", all_of_them[1]), all_of_them[1:])
        self.assertEqual(columns("TO", all_of_them[1]), all_of_them[:1])
        self.assertEqual(columns("FROM", -3600000), all_of_them)
        self.assertEqual(columns("TO", -3600000), [])
        self.assertEqual(self.server.run("KEYVIZ.MATRIX", "TO", 1), [])
        self.assertEqual(self.server.run("KEYVIZ.MATRIX", "TO", 1, "FORMAT", "proto"), b"")

    def test_a_row_budget_keeps_the_busiest_or_merges(self):
        (row,) = maps(self.server.run("KEYVIZ.MATRIX", "ROWS", 1))
        self.assertEqual(row[b"total"], 60)
        (row,) = maps(self.server.run("KEYVIZ.MATRIX", "ROWS", 1, "BUDGET", "merge"))
        self.assertEqual(row[b"total"], 63)

    def test_hot_keys_are_those_of_the_last_step(self):
        first, second, *_ = maps(self.server.run("KEYVIZ.HOTKEYS", "TOP", 2))
        self.assertEqual((first[b"key"], first[b"count"], first[b"route"]), (b"a", 1, 1))
        self.assertEqual((second[b"count_low"], second[b"count_high"], second[b"route"]), (1, 1, 2))
        (key,) = maps(self.server.run("KEYVIZ.HOTKEYS", "SERIES", "reads"))
        self.assertEqual((key[b"key"], key[b"count"]), (b"user:7", 20))
        reply = json.loads(self.server.run("KEYVIZ.HOTKEYS", "SERIES", "reads", "ROUTE", 2, "FORMAT", "json"))
        self.assertEqual(reply["sampled_n"], 20)
        self.assertIn("give its ROUTE", self.refused("KEYVIZ.HOTKEYS", "FORMAT", "json"))
        self.assertIn("snapshot", self.refused("KEYVIZ.HOTKEYS", "ROUTE", 99))
        self.assertIn("series", self.refused("KEYVIZ.HOTKEYS", "SERIES", "read_bytes").lower())

    def test_without_hot_keys_the_reply_says_so(self):
        with Server(QUIET) as server:
            with self.assertRaisesRegex(redis.exceptions.ResponseError, "hot keys"):
                server.run("KEYVIZ.HOTKEYS")

    def test_what_is_not_understood_is_refused(self):
        self.assertIn("SERIES takes", self.refused("KEYVIZ.MATRIX", "SERIES", "all"))
        self.assertIn("FORMAT takes", self.refused("KEYVIZ.MATRIX", "FORMAT", "xml"))
        self.assertIn("ROWS takes 1 to 1024", self.refused("KEYVIZ.MATRIX", "ROWS", 0))
        self.assertIn("FROM takes", self.refused("KEYVIZ.MATRIX", "FROM", "yesterday"))
        self.assertIn("FROM takes", self.refused("KEYVIZ.MATRIX", "FROM", 2**63 - 1))
        self.assertIn("TOP takes", self.refused("KEYVIZ.HOTKEYS", "TOP", -1))
        self.assertIn("unknown option", self.refused("KEYVIZ.HTML", "FORMAT", "json"))
        self.assertIn("no value", self.refused("KEYVIZ.MATRIX", "SERIES"))
        self.assertIn("wrong number of arguments", self.refused("KEYVIZ.FLUSH", "now"))
        self.assertIn("UTF-8", self.refused("KEYVIZ.HTML", "TITLE", b"\xff"))
        self.assertIn("KEYVIZ.ROUTE takes", self.refused("KEYVIZ.ROUTE", "CUT", "k"))

    def test_resp3_clients_get_maps(self):
        with redis.Redis(port=self.server.port, protocol=3) as client:
            client.response_callbacks.clear()
            self.assertEqual(client.execute_command("KEYVIZ.MATRIX")[1][b"total"], 60)
            self.assertEqual(client.execute_command("KEYVIZ.STATS")[b"group"], 0)

    def test_statistics_are_in_info_and_in_stats(self):
        stats = self.server.run("KEYVIZ.STATS")
        stats = dict(zip(stats[::2], stats[1::2]))
        info = self.server.client.info("keyviz")
        self.assertEqual(set(info), {"keyviz_" + name.decode() for name in stats})
        self.assertEqual(info["keyviz_columns"], 3)
        self.assertEqual((stats[b"missed"], stats[b"refused"], stats[b"failed_flushes"]), (0, 0, 0))
        self.assertNotIn("keyviz_columns", self.server.client.info("default"))

    def test_help_names_every_command(self):
        text = b"\n".join(self.server.run("KEYVIZ.HELP")).decode()
        for name in self.server.run("COMMAND", "LIST", "FILTERBY", "MODULE", "keyviz"):
            self.assertIn(name.decode().upper(), text)

    def test_access_is_controlled_command_by_command(self):
        self.server.run("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+@all", "-keyviz.hotkeys")
        with redis.Redis(port=self.server.port, username="reader", password="any") as client:
            with self.assertRaises(redis.exceptions.NoPermissionError):
                client.execute_command("KEYVIZ.HOTKEYS")
            client.execute_command("KEYVIZ.STATS")

    def test_redis_cli_shows_and_saves(self):
        def cli(*arguments):
            command = ["redis-cli", "-p", str(self.server.port), *arguments]
            return subprocess.run(command, check=True, capture_output=True).stdout

        self.assertIn(b'"route:2:redis"', cli("--no-raw", "KEYVIZ.MATRIX"))
        self.assertTrue(cli("--raw", "KEYVIZ.HTML").rstrip().endswith(b"</html>"))


class Ranges(unittest.TestCase):
    def ranges(self, server):
        return [(entry[b"start"], entry[b"end"]) for entry in maps(server.run("KEYVIZ.ROUTE", "LIST"))]

    def test_splits_and_prefixes_cut_the_whole_key_space(self):
        with Server((*QUIET, "split", "m", "prefix", "user:", "split", "m", "prefix", b"z\xff")) as server:
            self.assertEqual(
                self.ranges(server),
                [(b"", b"m"), (b"m", b"user:"), (b"user:", b"user;"), (b"user;", b"z\xff"), (b"z\xff", b"{"), (b"{", b"")],
            )

    def test_no_request_is_lost_while_ranges_change(self):
        with Server((*QUIET, "buckets", 8, "hotkeys", "yes")) as server:
            load = threading.Thread(
                target=lambda: server.benchmark("-q", "-P", 8, "-n", 60000, "-r", 1000, "-t", "set"))
            load.start()
            changes = 0
            while load.is_alive():
                keys = [f"key:{n:012}" for n in range(0, 1000, 100)]
                self.assertEqual(server.run("KEYVIZ.ROUTE", "SPLIT", *keys), len(keys))
                server.run("KEYVIZ.FLUSH")
                for key in keys:
                    server.run("KEYVIZ.ROUTE", "JOIN", key)
                changes += 1
            load.join()
            server.run("KEYVIZ.FLUSH")
            self.assertGreater(changes, 2)
            self.assertEqual(self.ranges(server), [(b"", b"")])
            calls = server.client.info("commandstats")["cmdstat_set"]["calls"]
            self.assertEqual(totals(server)["writes"], calls)
            self.assertEqual(server.client.info("keyviz")["keyviz_missed"], 0)

    def test_a_cut_that_is_there_is_not_made_again(self):
        with Server((*QUIET, "split", "m")) as server:
            self.assertEqual(server.run("KEYVIZ.ROUTE", "SPLIT", "m", "x", "c", "x", ""), 2)
            self.assertEqual(self.ranges(server), [(b"", b"c"), (b"c", b"m"), (b"m", b"x"), (b"x", b"")])
            with self.assertRaisesRegex(redis.exceptions.ResponseError, "no range starts at this key"):
                server.run("KEYVIZ.ROUTE", "JOIN", "d")
            with self.assertRaisesRegex(redis.exceptions.ResponseError, "no range starts at this key"):
                server.run("KEYVIZ.ROUTE", "JOIN", "")

    def test_auto_gives_each_range_about_as_many_keys(self):
        with Server(QUIET) as server:
            server.client.mset({f"{'user' if i % 4 else 'order'}:{i:08}": i for i in range(4000)})
            self.assertEqual(server.run("KEYVIZ.ROUTE", "AUTO", 16), 15)
            server.client.mget(server.client.keys())
            server.run("KEYVIZ.FLUSH")
            rows = maps(server.run("KEYVIZ.MATRIX", "SERIES", "reads"))
            # The range before the cuts is a row, too: of the keys that were written.
            counts = [row[b"total"] for row in rows if row[b"row"] != b"route:1:redis"]
            self.assertEqual((len(counts), sum(counts)), (16, 4000))
            self.assertLess(max(counts), 1000)
            with self.assertRaisesRegex(redis.exceptions.ResponseError, "AUTO takes"):
                server.run("KEYVIZ.ROUTE", "AUTO", 1)

    def test_a_hot_range_is_suggested_for_a_split(self):
        with Server((*QUIET, "buckets", 16, "split", "a", "split", "q")) as server:
            for step in range(4):
                for i in range(100):
                    server.run("SET", chr(ord("a") + i % 16), "v")
                server.run("KEYVIZ.FLUSH")
            (found,) = maps(server.run("KEYVIZ.ROUTE", "SUGGEST"))
            self.assertEqual((found[b"route"], found[b"percent"]), (2, 100))
            self.assertTrue(b"a" < found[b"key"] < b"q")
            server.run("KEYVIZ.ROUTE", "SPLIT", found[b"key"])
            self.assertEqual(len(self.ranges(server)), 4)


class Life(unittest.TestCase):
    def test_the_module_comes_and_goes_under_load(self):
        with Server(None) as server:
            stop = threading.Event()

            def load():
                while not stop.is_set():
                    server.benchmark("-q", "-P", 16, "-n", 20000, "-r", 1000, "-t", "set,get")

            thread = threading.Thread(target=load)
            thread.start()
            try:
                grown = []
                for _ in range(40):
                    server.run("MODULE", "LOAD", MODULE, "step", 0.1, "buckets", 16, "hotkeys", "yes")
                    server.run("KEYVIZ.ROUTE", "SPLIT", "key:000000000500")
                    server.run("KEYVIZ.FLUSH")
                    server.run("MODULE", "UNLOAD", "keyviz")
                    grown.append(resident(server))
            finally:
                stop.set()
                thread.join()
            self.assertLess(grown[-1], grown[9] + (8 << 20))
            self.assertNotIn("keyviz_columns", server.client.info("everything"))

    def test_it_counts_again_after_it_was_unloaded(self):
        exact = (*QUIET, "history", 1, "hotkeys", "yes", "sample-rate", 1)
        with Server(exact) as server:
            for _ in range(3):
                with Step(server) as step:
                    server.run("SET", "k", "hello")
                self.assertEqual(step.keys["writes"], {b"k": 1})
                server.run("MODULE", "UNLOAD", "keyviz")
                server.run("SET", "k", "not counted")
                server.run("MODULE", "LOAD", MODULE, *exact)

    def test_commands_of_other_modules_come_and_go(self):
        with Server(QUIET) as server:
            server.run("MODULE", "LOAD", NOOP)
            server.run("MODULE", "UNLOAD", "noop")
            server.run("SET", "k", "v")
            server.run("KEYVIZ.FLUSH")
            self.assertEqual(totals(server)["writes"], 1)

    def test_memory_stays_where_it_is_once_the_history_is_full(self):
        with Server((*QUIET, "history", 20, "buckets", 64, "hotkeys", "yes", "sample-rate", 1)) as server:
            sizes = []
            for _ in range(60):
                server.benchmark("-q", "-P", 16, "-n", 500, "-r", 200, "-t", "set,get")
                server.run("KEYVIZ.FLUSH")
                sizes.append(server.client.info("keyviz")["keyviz_memory_bytes"])
            self.assertLess(max(sizes[40:]), 1.1 * max(sizes[20:40]))

    def test_a_memory_limit_holds(self):
        with Server((*QUIET, "history", 100000, "buckets", 256, "memory", 2 << 20)) as server:
            server.run("KEYVIZ.ROUTE", "SPLIT", *[f"key:{n:012}" for n in range(0, 1000, 10)])
            for _ in range(30):
                server.benchmark("-q", "-P", 16, "-n", 2000, "-r", 1000, "-t", "set")
                server.run("KEYVIZ.FLUSH")
            self.assertLessEqual(server.client.info("keyviz")["keyviz_memory_bytes"], 2 << 20)

    def test_a_child_that_saves_leaves_the_counts_alone(self):
        with Server(QUIET) as server:
            server.run("SET", "k", "v")
            server.run("BGSAVE")
            server.run("SET", "k", "v")
            while server.client.info("persistence")["rdb_bgsave_in_progress"]:
                time.sleep(0.01)
            server.run("KEYVIZ.FLUSH")
            self.assertEqual(totals(server)["writes"], 2)
