"""The whole module under valgrind's memcheck, in the real server."""

import os
import shutil
import unittest

import redis

from server import MODULE, Server
from test_counting import CASES

# Debian's Redis allocates with jemalloc. Redis itself holds strings by their middle, which looks like a possible leak.
MEMCHECK = [
    "valgrind", "--quiet", "--soname-synonyms=somalloc=*jemalloc*", "--error-exitcode=9", "--leak-check=full",
    "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
]


class Memcheck(unittest.TestCase):
    def test_no_memory_error_and_no_leak(self):
        if not shutil.which("valgrind"):
            self.assertNotEqual(os.environ.get("CI"), "true", "there is no valgrind")
            self.skipTest("there is no valgrind")
        arguments = "step 0.2 buckets 16 hotkeys yes sample-rate 1 prefix user: split k name x"
        with Server(arguments.split(), command=MEMCHECK) as server:
            for line, *_ in CASES:
                self.try_to(server, *line.split(" "))
            server.run("MGET", *map(str, range(100)))
            server.run("SINTERCARD", 80, *map(str, range(80)))
            server.run("KEYVIZ.ROUTE", "SPLIT", "a", "b", "c")
            server.run("KEYVIZ.ROUTE", "JOIN", "b")
            server.run("KEYVIZ.ROUTE", "AUTO", 5)
            server.run("KEYVIZ.FLUSH")
            for form in ("rows", "json", "csv", "png", "proto"):
                server.run("KEYVIZ.MATRIX", "FORMAT", form)
            route = server.run("KEYVIZ.ROUTE", "LIST")[0][1]
            for command in ("HTML", "HOTKEYS", "STATS", "HELP", "ROUTE SUGGEST", f"HOTKEYS ROUTE {route} FORMAT json"):
                self.try_to(server, *f"KEYVIZ.{command}".split())
            server.client.info("everything")
            server.run("MODULE", "UNLOAD", "keyviz")
            self.try_to(server, "MODULE", "LOAD", MODULE, "split", "a", "step", "x")
            server.run("MODULE", "LOAD", MODULE, "split", "q", "prefix", "r")
            server.run("MODULE", "UNLOAD", "keyviz")
            server.process.terminate()
            self.assertEqual(server.process.wait(60), 0, server.log_text())

    def try_to(self, server, *command):
        try:
            server.run(*command)
        except redis.exceptions.ResponseError:
            pass
