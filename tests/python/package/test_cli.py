"""The command `keyviz`, as a process of its own, as users have it."""

import http.client
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

import keyviz
from keyviz import Matrix
from keyviz._serve import policy_of

HEAD = "ts_ms,label,op,key,key_len,value_len\n"
COMMAND = [sys.executable, "-X", "faulthandler", "-m", "keyviz"]


def keyviz_command(*arguments, code=0, **options):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def trace(tmp_path):
    """A burst of writes of one key, and reads all over."""
    rows = [f"{i * 1000},redis,r,key{i % 50:03},6,100\n" for i in range(1000)]
    rows += [f"{1_000_000 + i},redis,w,key025,6,50\n" for i in range(500)]
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "".join(rows))
    return path


def test_report_tells_what_stands_out_and_writes_the_page(trace, tmp_path):
    page = tmp_path / "heatmap.html"
    done = keyviz_command("report", trace, "-o", page, "--columns", 100, "--top", 2)
    assert "replayed 1,500 rows of 1 trace" in done.stderr
    for expected in (
        r"Totals\n +label +reads +writes +read bytes +write bytes\n +redis +1,000 +500 +106,000 +28,000\n",
        r"Verdicts on reads\n.*\n +route:1 / redis +1,000 +\w+",
        r"Verdicts on writes\n.*\n +route:1 / redis +500 +(burst|one cell)",
        r"Splits by reads\n +route +share +split at.*\n +1 +100.0%",
        r"Hot keys of route 1, redis, reads\n.*\n +key000 +20 +20 +2.00%\n",
        r"Hot keys of route 1, redis, writes\n.*\n +key025 +500 +500 +100.00%\n",
        r"check: the columns equal the traces, to the unit \(0 of 1 by truth file\)",
    ):
        assert re.search(expected, done.stdout), (expected, done.stdout)
    assert "<html" in page.read_text() and "Content-Security-Policy" in page.read_text()
    page.unlink()
    quiet = keyviz_command("report", trace, "-o", tmp_path / "other.html", "--top", 0)
    assert "Hot keys" not in quiet.stdout and "key025" not in quiet.stdout
    # The page's name, if none is given.
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(keyviz.__file__))}
    keyviz_command("report", trace, cwd=tmp_path, env=environment)
    assert page.exists()


def test_on_a_terminal_it_draws_tables_and_nothing_of_a_trace_is_markup(tmp_path):
    pytest.importorskip("rich")
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "1,redis,r,[red]key[/red],14,1\n")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    command = [*COMMAND, "report", str(path), "-o", str(tmp_path / "h.html"), "--no-progress"]
    running = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert running.wait(60) == 0 and running.stderr.read().startswith(b"keyviz: replayed")
    running.stderr.close()
    assert b"\x1b[" in shown and "━".encode() in shown or "─".encode() in shown
    assert b"[red]key[/red]" in shown


def test_nodes_are_replayed_and_merged(trace, tmp_path):
    for node in ("n1", "n2"):
        keyviz_command("replay", trace, "--node", node, "-o", tmp_path / f"{node}.json", "-o", tmp_path / f"{node}.png")
        assert (tmp_path / f"{node}.png").read_bytes()[:4] == b"\x89PNG"
    out, page = tmp_path / "all.json", tmp_path / "all.html"
    done = keyviz_command("merge", tmp_path / "n1.json", tmp_path / "n2.json", "-o", out, "-o", page)
    assert re.search(r"n1 +answered\n +n2 +answered", done.stdout) and f"written: {out}" in done.stdout
    parts = [Matrix.from_json((tmp_path / f"{node}.json").read_text()) for node in ("n1", "n2")]
    merged = Matrix.from_json(out.read_text())
    expected = keyviz.merge([(part.node, part) for part in parts])
    assert (merged.values == expected.values).all() and merged.values.sum() == 2000 and merged.nodes == expected.nodes
    assert "<html" in page.read_text()
    keyviz_command("replay", trace, "--series", "writes", "-o", tmp_path / "w.json")
    done = keyviz_command("merge", tmp_path / "n1.json", tmp_path / "w.json", code=1)
    assert "w.json counts writes, and" in done.stderr


def test_time_is_scaled_or_kept(trace, tmp_path):
    path = tmp_path / "m.json"
    for options, columns in ((["--columns", "7"], 7), (["--step", "1m"], 17), (["--step", "1h", "--align"], 1), ([], 240)):
        keyviz_command("replay", trace, "-o", path, *options)
        assert Matrix.from_json(path.read_text()).shape[1] == columns
    keyviz_command("replay", trace, "-o", path, "--label", "s3", "--key-buckets", 1)
    assert [row.label for row in Matrix.from_json(path.read_text()).rows] == ["s3"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "COMMAND"),
        (["frob"], "frob"),
        (["report"], "TRACE"),
        (["report", "t.csv", "--columns", "0"], "'0' is no whole number from 1 to 100000"),
        (["report", "t.csv", "--columns", "x"], "'x'"),
        (["report", "t.csv", "--step", "5x"], "'5x' is no duration"),
        (["report", "t.csv", "--step", "0s"], "'0s' is no duration"),
        (["report", "t.csv", "--step", "1m", "--columns", "3"], "not allowed with"),
        (["report", "t.csv", "--label", "ftp"], "invalid choice"),
        (["replay", "t.csv", "-o", "m.xml"], "'m.xml' ends in none of"),
        (["serve", "t.csv", "--port", "65536"], "65535"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments, what):
    done = keyviz_command(*arguments, code=2)
    assert done.stderr.startswith("usage: keyviz") and what in done.stderr and done.stdout == ""


def test_what_fails_ends_with_1_and_a_sentence(trace, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(HEAD + "1,redis,r,k,2,1\n")
    matrix = tmp_path / "bad.json"
    matrix.write_text("{")
    for arguments, what in (
        (["report", tmp_path / "none.csv"], "none.csv"),
        (["report", bad], f"keyviz: {bad}:2: key_len is 2, and the key has 1 bytes\n"),
        (["report", matrix], "a trace's name ends in"),
        (["report", trace, "--align"], "--align goes with --step"),
        (["report", trace, "-o", tmp_path / "no" / "folder.html"], "folder.html"),
        (["merge", matrix], f"keyviz: {matrix}: "),
        (["serve", trace, matrix], "not both"),
    ):
        done = keyviz_command(*arguments, code=1)
        assert what in done.stderr and done.stderr.splitlines()[-1].startswith("keyviz: ")


def test_counts_that_differ_from_the_truth_file_end_with_1(trace):
    truth = {"rows": 1500, "label": "redis", "reads": {"count": 1001, "bytes": 106000}, "writes": {"count": 500, "bytes": 28000}}
    trace.with_suffix(".truth.json").write_text(json.dumps(truth))
    done = keyviz_command("replay", trace, code=1)
    assert "label redis, reads: 1,001 in the traces, 1,000 in the columns" in done.stderr
    assert "check:" not in done.stdout


def test_a_reader_that_has_enough_ends_it_quietly(trace, tmp_path):
    command = [*COMMAND, "report", str(trace), "-o", str(tmp_path / "h.html")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    told = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait(60) == 1 and told.startswith("keyviz: replayed") and len(told.splitlines()) == 1


def test_serve_shows_the_page_until_ctrl_c(trace, tmp_path):
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{seen}\n')
    browser.chmod(0o755)
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    running = subprocess.Popen(
        [*COMMAND, "serve", str(trace)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )
    try:
        address = running.stdout.readline().split()[0]
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)[1])

        def ask(method="GET", path="/", host=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path, headers={} if host is None else {"Host": host})
            reply = connection.getresponse()
            body = reply.read().decode()
            connection.close()
            return reply, body

        reply, page = ask()
        assert reply.status == 200 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
        assert reply.headers["Content-Security-Policy"] == policy_of(page)
        assert re.match("default-src 'none'; script-src 'sha256-.*frame-ancestors 'none'$", policy_of(page))
        assert "t.csv" in page and reply.headers["Cache-Control"] == "no-store"
        head, nothing = ask("HEAD", "/?x")
        assert head.status == 200 and nothing == "" and int(head.headers["Content-Length"]) == len(page.encode())
        assert ask(path="/etc/passwd")[0].status == 404
        assert ask("POST")[0].status == 501
        assert ask(host="example.com")[0].status == 421 and ask(host=f"localhost:{port}")[0].status == 200
        deadline = time.monotonic() + 30
        while not (seen.exists() and seen.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen.read_text().strip() == address
    finally:
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=30)
    assert running.returncode == 0 and "Traceback" not in told and out == ""


def test_serve_takes_matrices_and_opens_no_browser_if_told_so(trace, tmp_path):
    keyviz_command("replay", trace, "-o", tmp_path / "m.json")
    environment = {**os.environ, "BROWSER": f"touch {tmp_path / 'opened'} %s"}
    command = [*COMMAND, "serve", str(tmp_path / "m.json"), "--no-browser", "--title", "Mine"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        port = int(re.search(r":(\d+)/", running.stdout.readline())[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        assert '"Mine"' in connection.getresponse().read().decode()
        connection.close()
        # It listens on the loopback interface only.
        listening = [line.split()[1] for line in open("/proc/net/tcp") if line.split()[3] == "0A"]
        assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening
        taken = keyviz_command("serve", trace, "--no-browser", "--port", port, code=1)
        assert taken.stderr.splitlines()[-1].startswith("keyviz: ")
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    assert running.returncode == 0 and not (tmp_path / "opened").exists()


def test_ctrl_c_in_a_replay_ends_with_130(tmp_path):
    path = tmp_path / "t.csv"
    os.mkfifo(path)
    running = subprocess.Popen([*COMMAND, "replay", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Once this is open, the replay waits for what comes.
    with open(path, "w"):
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130 and told == ""


def test_versions_are_told():
    assert keyviz_command("--version").stdout == f"keyviz {keyviz.__version__}\n"
