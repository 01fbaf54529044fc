"""What Python's documents show for the standard library, in a translator.

A directory that is made names what is to be tried: `mkdir pool`. What came of it is written to
`option results`, in a file of that name: "as expected", or what went wrong.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import gzip
import http.server
import io
import logging
import logging.handlers
import multiprocessing
import multiprocessing.shared_memory
import os
import queue
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import gluster
from gluster import Translator, to_thread

TRIED: dict[str, Any] = {}


def tried(function: Any) -> Any:
    TRIED[function.__name__] = function
    return function


def refused(function: Any, *hints: str) -> None:
    """It raises, and says what to do instead."""
    try:
        function()
        text = "nothing was raised"
    except Exception as error:
        text = str(error)
    missing = [hint for hint in hints if hint not in text]
    assert not missing, f"{text!r} does not say {missing}"


def ended(process: Any, number: int = signal.SIGTERM) -> None:
    assert process.wait(timeout=20) == -number, process.returncode


# -- subprocess ------------------------------------------------------------------------


@tried
def run(folder: Path) -> None:
    done = subprocess.run(["cat"], input="text", capture_output=True, text=True, check=True)
    assert done.stdout == "text"
    assert subprocess.check_output("echo $0 | cat", shell=True, text=True) == "/bin/sh\n"


@tried
def terminate(folder: Path) -> None:
    several: list[dict[str, Any]] = [{}, {"close_fds": False}, {"start_new_session": True}]
    for options in several:
        process = subprocess.Popen(["sleep", "60"], **options)
        process.terminate()
        ended(process)
        process = subprocess.Popen(["sleep", "60"], **options)
        process.send_signal(signal.SIGINT)
        ended(process, signal.SIGINT)


@tried
def timeout(folder: Path) -> None:
    begun = time.monotonic()
    assert subprocess.run(["timeout", "0.2", "sleep", "60"]).returncode == 124
    assert os.system("timeout 0.2 sleep 60") >> 8 == 124
    argv = ["timeout", "0.2", "sleep", "60"]
    process = os.posix_spawn("/usr/bin/timeout", argv, os.environ)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 124
    assert os.popen("timeout 0.2 sleep 60; echo $?").read() == "124\n"
    assert time.monotonic() - begun < 20


@tried
def forked(folder: Path) -> None:
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(7))
        signal.alarm(1)
        time.sleep(20)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
    process = os.fork()
    if process == 0:
        time.sleep(20)
        os._exit(1)
    os.kill(process, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGTERM


# -- multiprocessing -------------------------------------------------------------------


def double(number: int) -> int:
    return 2 * number


def answer(number: int, answers: Any) -> None:
    answers.put(double(number))


def with_method(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    process = context.Process(target=time.sleep, args=(60,))
    process.start()
    process.terminate()
    process.join(20)
    assert process.exitcode == -signal.SIGTERM, process.exitcode
    with context.Pool(2) as pool:
        assert pool.map(abs, [-1, -2, -3]) == [1, 2, 3]


@tried
def fork(folder: Path) -> None:
    with_method("fork")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=answer, args=(21, answers))
    process.start()
    assert answers.get(timeout=20) == 42
    process.join(20)
    with context.Pool(2) as pool:
        assert pool.map(double, [1, 2]) == [2, 4]


@tried
def spawn(folder: Path) -> None:
    with_method("spawn")
    context = multiprocessing.get_context("spawn")
    refused(context.Process(target=double, args=(1,)).start, "double", "fork", "module")
    refuse_in_pool(context)


def refuse_in_pool(context: Any) -> None:
    """The workers would die of it, and others begin in their place, for ever."""
    with context.Pool(1) as pool:
        for call in (
            lambda: pool.map(double, [1]),
            lambda: pool.apply(double, (1,)),
            lambda: pool.apply_async(abs, (double,)).get(20),
            lambda: list(pool.imap(double, [1])),
        ):
            refused(call, "double", "fork", "module")
        assert pool.map(abs, [-1]) == [1]


@tried
def forkserver(folder: Path) -> None:
    with_method("forkserver")
    refuse_in_pool(multiprocessing.get_context("forkserver"))


@tried
def shared_memory(folder: Path) -> None:
    memory: Any = multiprocessing.shared_memory.SharedMemory(create=True, size=10)
    memory.buf[:4] = b"text"
    again: Any = multiprocessing.shared_memory.SharedMemory(name=memory.name)
    assert bytes(again.buf[:4]) == b"text"
    again.close()
    memory.close()
    memory.unlink()


@tried
def output(folder: Path) -> None:
    subprocess.run(["echo", "said by a program"], stdout=sys.stdout, stderr=sys.stderr, check=True)
    subprocess.run(["sh", "-c", "echo its error >&2"], stderr=sys.stderr, check=True)
    os.write(sys.stdout.fileno(), b"said by number\n")
    sys.stdout.buffer.write("said in bytes: \u00e4\n".encode())
    sys.stdout.buffer.flush()
    assert (sys.stdout.encoding, sys.stdout.isatty()) == ("utf-8", False)
    print("said", file=sys.stdout, flush=True)


# -- threads, executors, asyncio -------------------------------------------------------


@tried
def executors(folder: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        assert list(executor.map(double, range(3))) == [0, 2, 4]
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(executor.map(double, range(3))) == [0, 2, 4]


@tried
def asyncio_in_a_thread(folder: Path) -> None:
    results: queue.Queue[Any] = queue.Queue()

    async def main() -> str:
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec("echo", "text", stdout=-1)
        output, _ = await process.communicate()
        return output.decode()

    thread = threading.Thread(target=lambda: results.put(asyncio.run(main())))
    thread.start()
    thread.join(20)
    assert results.get(timeout=1) == "text\n"


# -- logging ---------------------------------------------------------------------------


@tried
def handlers(folder: Path) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    tcp = socket.create_server(("127.0.0.1", 0))
    got: queue.Queue[str] = queue.Queue()

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.put(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    web = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    records: queue.Queue[Any] = queue.Queue()
    stream = io.StringIO()
    of = logging.handlers
    several: list[logging.Handler] = [
        logging.FileHandler(folder / "file.log"),
        logging.StreamHandler(stream),
        logging.NullHandler(),
        of.WatchedFileHandler(folder / "watched.log"),
        of.RotatingFileHandler(folder / "rotating.log", maxBytes=100, backupCount=2),
        of.TimedRotatingFileHandler(folder / "timed.log", when="D"),
        of.SocketHandler("127.0.0.1", tcp.getsockname()[1]),
        of.DatagramHandler("127.0.0.1", udp.getsockname()[1]),
        of.SysLogHandler(udp.getsockname()),
        of.MemoryHandler(10, target=logging.FileHandler(folder / "memory.log")),
        of.QueueHandler(records),
        of.HTTPHandler(f"127.0.0.1:{web.server_port}", "/log"),
    ]
    logger = logging.getLogger("several")
    logger.propagate = False
    for handler in several:
        logger.addHandler(handler)
    listener = of.QueueListener(records, logging.FileHandler(folder / "listener.log"))
    listener.start()
    logger.warning("a line of %s", "many")
    listener.stop()
    assert "a line of many" in stream.getvalue()
    assert "/log?" in got.get(timeout=20)
    udp.settimeout(20)
    assert b"line" in udp.recv(9999)
    for handler in several:
        handler.close()
    web.shutdown()
    for name in ("file", "watched", "rotating", "timed", "memory", "listener"):
        assert (folder / f"{name}.log").read_text() == "a line of many\n", name


# -- files, databases, the net ---------------------------------------------------------


@tried
def sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "base.sqlite", check_same_thread=False) as base:
        base.execute("create table t (a text)")
        base.executemany("insert into t values (?)", [("one",), ("two",)])
    assert base.execute("select count(*) from t").fetchone() == (2,)
    base.close()


@tried
def tempfiles(folder: Path) -> None:
    with tempfile.NamedTemporaryFile("w+", dir=folder) as file:
        file.write("text")
        file.seek(0)
        assert file.read() == "text"
        assert Path(file.name).stat().st_mode & 0o777 == 0o600
    with tempfile.TemporaryDirectory(dir=folder) as name:
        (Path(name) / "file").write_text("text")
    assert not Path(name).exists()


@tried
def ssl_client(folder: Path) -> None:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
         certificate, "-days", "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(connection.recv(10).upper())

    threading.Thread(target=serve, daemon=True).start()
    trust = ssl.create_default_context(cafile=str(certificate))
    with socket.create_connection(listening.getsockname()) as plain:
        with trust.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"text")
            assert connection.recv(10) == b"TEXT"


@tried
def modes(folder: Path) -> None:
    with open(folder / "private", "w", opener=gluster.private) as file:
        file.write("text")
    assert (folder / "private").stat().st_mode & 0o777 == 0o600


# -- signals ---------------------------------------------------------------------------


@tried
def signals(folder: Path) -> None:
    refused(lambda: signal.signal(signal.SIGTERM, lambda *_: None), "GlusterFS", "fini")
    refused(lambda: signal.alarm(1), "end this process", "gluster.timeout")
    refused(lambda: signal.setitimer(signal.ITIMER_REAL, 1), "end this process")
    assert signal.signal(signal.SIGPIPE, signal.getsignal(signal.SIGPIPE)) is not None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGTERM in before
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    assert {signal.SIGTERM, signal.SIGHUP} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --------------------------------------------------------------------------------------


class xlator(Translator):
    def __init__(self, this: Any) -> None:
        super().__init__(this)
        self.results = Path(self.options["results"])
        self.at_the_end()

    def at_the_end(self) -> None:
        """What is there to be done when the process ends."""
        folder = self.results / "end"
        folder.mkdir()
        self.buffered = (folder / "buffered").open("w")
        self.buffered.write("one\ntwo\nthree\n")
        self.binary = (folder / "binary").open("wb")
        self.binary.write(b"binary")
        self.packed = gzip.open(folder / "packed.gz", "wt")  # noqa: SIM115
        self.packed.write("packed")
        self.temporary = tempfile.NamedTemporaryFile(dir=folder)  # noqa: SIM115
        self.folder = tempfile.TemporaryDirectory(dir=folder)
        atexit.register((folder / "atexit").write_text, "called")
        handler = logging.handlers.MemoryHandler(
            1000, logging.CRITICAL, logging.FileHandler(folder / "logged")
        )
        logging.getLogger("kept").addHandler(handler)
        logging.getLogger("kept").propagate = False
        logging.getLogger("kept").warning("kept until the end")
        self.executor = concurrent.futures.ThreadPoolExecutor(1)
        self.executor.submit(time.sleep, 0.1)
        threading.Thread(target=self.late, args=(folder / "thread",)).start()

    def late(self, path: Path) -> None:
        while not (path.parent / "ends").exists():
            time.sleep(0.05)
        path.write_text("ended")

    def fini(self) -> None:
        (self.results / "end" / "ends").write_text("fini")
        self.executor.submit((self.results / "end" / "executor").write_text, "done")

    async def mkdir_fop(self, frame: Any, this: Any, loc: Any, *rest: Any) -> Any:
        name = loc.name
        if name in TRIED:
            await to_thread(self.attempt, name)
        return await frame.wind()

    def attempt(self, name: str) -> None:
        folder = self.results / f"{name}.files"
        folder.mkdir()
        try:
            TRIED[name](folder)
            result = "as expected"
        except BaseException:
            result = traceback.format_exc()
        (self.results / name).write_text(result)
