"""A redis-server of its own for each use: on a free loopback port, in a folder that goes with it."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "redis"
MODULE = str(BUILD / "keyviz.so")
NOOP = str(BUILD / "noop.so")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`module` are the arguments of loadmodule, None: without the module; `settings` are lines of redis.conf."""

    def __init__(self, module=(), settings=(), path=MODULE, command=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keyviz-redis-"))
        self.log = self.folder / "log"
        self.command, self.path = list(command), path
        self.lines = ["bind 127.0.0.1", 'save ""', f"dir {self.folder}", "enable-module-command yes", *settings]
        if module is not None:
            self.lines.append(" ".join([f"loadmodule {path}", *map(quoted, module)]))

    def __enter__(self):
        # Another program may take the port first.
        for _ in range(5):
            self.port = free_port()
            if self.start():
                return self
        message = self.log_text()
        self.stop()
        raise RuntimeError(f"redis-server does not start: {message}")

    def __exit__(self, *_):
        self.stop()

    def start(self):
        config = self.folder / "redis.conf"
        config.write_text("\n".join([f"port {self.port}", *self.lines]) + "\n")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.command, "redis-server", str(config)], stdout=log, stderr=log)
        self.connect()
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                # Not just any server that answers there.
                if self.client.info("server")["process_id"] == self.process.pid or self.command:
                    return True
            except redis.exceptions.AuthenticationError:
                return True
            except redis.exceptions.ConnectionError:
                pass
            time.sleep(0.02)
        return False

    def connect(self, **options):
        """Makes `client`, and `raw`, whose replies are as they come; a request is sent once."""
        once = Retry(NoBackoff(), 0)
        self.client, self.raw = (redis.Redis(port=self.port, retry=once, **options) for _ in range(2))
        self.raw.response_callbacks.clear()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.client.close()
        self.raw.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def run(self, *arguments, **options):
        return self.raw.execute_command(*arguments, **options)

    def benchmark(self, *arguments):
        """Runs redis-benchmark, and gives what it prints."""
        command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(self.port), *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def quoted(argument):
    """An argument as redis.conf reads it."""
    raw = argument if isinstance(argument, bytes) else str(argument).encode()
    return '"' + "".join(f"\\x{byte:02x}" for byte in raw) + '"'
