"""Starts the 連携サーバ under test in its namespace and plays the proxy cases from outside."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from conformance.firewall import relay_output
from conformance.firewall.build import Network, second_address
from conformance.firewall.job import ProxyJob
from conformance.firewall.netns import tool
from conformance.firewall.pump import Opening, Pump
from conformance.firewall.px_cases import PxCase, connect
from conformance.firewall.record import Exchange
from conformance.firewall.services import Dns, Sites, client_context
from conformance.firewall.squid_build import lacking
from interface_spec.policy import Policy

IMPATIENT_SECONDS = 1.0
SQUID_CONF = "squid.conf"
DIAL_SECONDS = 1.5
ANSWER_SECONDS = 4.0
STALL_SECONDS = 0.5
"""A download in which nothing arrives for so long has stopped: the other end is a few memory copies away."""
SHORT_SECONDS = 0.4
FAMILY = {"v4": socket.AF_INET, "v6": socket.AF_INET6}
SETTLE_SECONDS = 0.003
"""For what a relay still does after its answer; what has arrived by then is then waited for, however busy the machine is."""
SETTLED_LIMIT_SECONDS = 2.0
MANY_REFUSED, MANY_ALLOWED = 1000, 50
REFUSED_AT_ONCE = 4
CROWD_SECONDS = 10.0
SWEEPS = 20
HALF_CLOSED = ("PX-20", "PX-12d")
"""Cases whose sender closes its side at once: a proxy that waits for more must not be waited for."""
SQUID_LOGS = Path("/var/log/squid")


class ProxyProblem(Exception):
    """The proxy under test did not start; ``str()`` is one sentence (the vendor's configuration, exit 2)."""


class ProxyUnsupported(Exception):
    """The Squid of this machine lacks what the configuration uses; ``str()`` is one sentence (未検証, not the vendor's fault)."""


class Proxy:
    """One running proxy; leaving the context ends its whole process group."""

    def __init__(self, network: Network, job: ProxyJob, folder: Path) -> None:
        self._network, self._job, self.folder = network, job, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._replaced: dict[str, str] = {}
        self.host = network.policy.the("relay")

    def start(self, *, patient: bool = True) -> None:
        """Starts it and waits until it listens. Not ``patient``: a relay that may well refuse to start is not waited for long."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {**self._job.files, **self._replaced}.items():
            (folder / name).write_text(text.replace("{dir}", str(folder)), encoding="utf-8")
        if self._job.kind == "squid":
            words = self._squid()
        else:
            words = [one.replace("{dir}", str(folder)) for one in self._job.command]
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        log = (folder / "output.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                self._network.ns.command(self.host, *words),
                cwd=folder,
                env={**environment, "PYTHONUTF8": "1", **self._job.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=relay_output.prepared,
            )
        if self._job.relay_kind == "proxy":
            self._await(self._job.restart_seconds if patient else IMPATIENT_SECONDS)

    def _squid(self) -> list[str]:
        """Squid in a user namespace where it is an ordinary user: it then has nothing to drop (docs/adr/0020)."""
        conf = self.folder / SQUID_CONF
        if SQUID_CONF not in self._replaced:
            conf.write_text(self._job.conf.replace("{dir}", str(self.folder)), encoding="utf-8")
        logs = self.folder / "log"
        logs.mkdir(exist_ok=True)
        if SQUID_LOGS.is_dir():
            subprocess.run(["mount", "--bind", str(logs), str(SQUID_LOGS)], check=True, timeout=10)
        squid = tool("squid") or "squid"
        if missing := lacking(squid, conf.read_text(encoding="utf-8")):
            raise ProxyUnsupported(missing)
        check = subprocess.run(
            self._network.ns.command(self.host, squid, "-k", "parse", "-f", str(conf)),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        if check.returncode != 0:
            fatal = next((line for line in check.stderr.splitlines() if "FATAL" in line or "Bungled" in line), "")
            raise ProxyProblem(f"squid.conf: 読み込めません: {fatal.strip()} / does not load: {fatal.strip()}")
        return ["unshare", "-U", "--map-user=1000", "--map-group=1000", squid, "-N", "-f", str(conf)]

    @contextmanager
    def replaced(self, files: dict[str, str]) -> Iterator[None]:
        """Starts in the ``with`` find ``files`` in the place of those of the same name."""
        self._replaced = files
        try:
            yield
        finally:
            self._replaced = {}

    def broken_files(self, text: str) -> dict[str, str]:
        """Each of its configuration files with ``text`` in it."""
        names = [SQUID_CONF] if self._job.kind == "squid" else list(self._job.files)
        return dict.fromkeys(names, text)

    def _await(self, seconds: float) -> None:
        policy = self._network.policy
        address = (policy.host[self.host].address(policy.main_family), policy.service.proxy_port)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self._process is not None  # noqa: S101 — set by start
            if self._process.poll() is not None:
                break
            with self._network.ns.inside(policy.the("am")):
                trial = socket.socket(FAMILY[policy.main_family])
            with trial:
                trial.settimeout(0.2)
                if trial.connect_ex(address) == 0:
                    return
            time.sleep(0.02)
        tail = relay_output.last_words(self.folder / "output.log")
        logs = [relay_output.last_words(one) for one in (self.folder / "log").glob("cache.log")]
        raise ProxyProblem(
            f"連携サーバが {address[0]}:{address[1]} で待ち受けません: {tail or logs} / the proxy does not listen: {tail or logs}"
        )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def _log(self) -> Path:
        """Its declared access log; a folder when none is declared, which holds no lines."""
        return self.folder / self._job.log

    def log_size(self) -> int:
        return relay_output.size(self._log)

    def log_since(self, offset: int) -> list[str]:
        """Lines of the access log after ``offset`` bytes of it."""
        return relay_output.lines_since(self._log, offset)

    def last_of_log(self) -> list[str]:
        return relay_output.last_lines(self._log)

    def stop(self) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.poll()
            self._process.wait(10)
            self._process = None
        if self._job.kind == "squid" and SQUID_LOGS.is_mount():
            subprocess.run(["umount", str(SQUID_LOGS)], check=True, timeout=10)

    def sweep(self) -> None:
        """Ends whatever of the product is left in its namespace: a child that left its process group, say."""
        with self._network.ns.inside(self.host):
            home = Path("/proc/thread-self/ns/net").readlink()
        for _ in range(SWEEPS):
            left = [pid for pid in _processes() if _network_of(pid) == home and pid != os.getpid()]
            if not left:
                return
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def _processes() -> list[int]:
    """Process ids of the lab's own process namespace."""
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def _network_of(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/net").readlink()
    except OSError:
        return None


class Turning:
    """The pump turns in a thread of its own while ``with`` lasts, so that clients may block."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def _turn(self) -> None:
        while not self._stop.is_set():
            self._pump.turn(0.01)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)


class ProxyClient:
    """Plays cases against the running proxy; what was reached is read from the sniffers, what was asked from the DNS."""

    def __init__(self, network: Network, pump: Pump, dns: Dns, sites: Sites, proxy: Proxy) -> None:
        self._network, self._pump, self._dns, self._sites, self._proxy = network, pump, dns, sites, proxy
        self._policy = network.policy
        self._tls = client_context(sites.ca_pem)
        relay = self._policy.host[self._policy.the("relay")]
        self._own = {str(relay.v4), str(relay.v6), "127.0.0.1", "::1"}
        walls = self._policy.firewall.values()
        self._walls = {str(end) for wall in walls for leg in wall.leg.values() for end in (leg.v4, leg.v6)}
        """What is opened from a firewall's address is the relay's, translated: nothing else opens anything meanwhile."""
        self._address = (relay.address(self._policy.main_family), self._policy.service.proxy_port)
        self._names = {
            one.address(family): name for name, one in self._policy.host.items() for family in self._policy.families
        }
        download = self._policy.the("download")
        self._names |= {second_address(self._policy, download, family): download for family in self._policy.families}

    def _dial(self, source: str, seconds: float) -> socket.socket:
        with self._network.ns.inside(source):
            made = socket.socket(FAMILY[self._policy.main_family])
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.settimeout(DIAL_SECONDS)
        try:
            made.connect(self._address)
            made.settimeout(seconds)
        except OSError:
            made.close()
            raise
        return made

    def _watched(self, act: Callable[[], Exchange]) -> Exchange:
        """``act``'s exchange with what was reached and asked meanwhile."""
        if self._pump.connections_seen is None:
            self._pump.connections_seen = []
        first, asked, logged = len(self._pump.connections_seen), len(self._dns.queries), self._proxy.log_size()
        started = time.monotonic()
        exchange = act()
        time.sleep(SETTLE_SECONDS)
        self._pump.caught_up(SETTLED_LIMIT_SECONDS)
        reached = self._reached(self._pump.connections_seen[first:])
        return exchange.model_copy(
            update={
                "reached": reached,
                "queries": tuple(dict.fromkeys(self._dns.queries[asked:])),
                "log": tuple(self._proxy.log_since(logged)),
                "seconds": round(time.monotonic() - started, 3),
            }
        )

    def _reached(self, openings: Iterable[Opening]) -> tuple[str, ...]:
        found = [
            f"{self._names.get(one.address, one.address)}:{one.port}"
            for one in openings
            if (one.source in self._own or (not one.leg and one.source in self._walls))
            and not (one.leg and one.address in self._names)
        ]
        return tuple(dict.fromkeys(found))

    def play(self, case: PxCase, patience: float = ANSWER_SECONDS) -> Exchange:
        """One case: sends its bytes, reads the head of the answer, and speaks TLS through the tunnel when there is one.

        ``patience``: seconds for the answer to a request that should be permitted.
        """
        source = self._policy.hosts_of(case.source)[0]  # type: ignore[arg-type]

        def act() -> Exchange:
            seconds = patience if case.expect == "tunnel" else SHORT_SECONDS if case.id.startswith(HALF_CLOSED) else 2.0
            sent = case.head.decode("latin-1")
            try:
                with self._dial(source, seconds) as made:
                    return self._converse(case, made, sent)
            except OSError as error:
                return Exchange(id=case.id, sent=sent, error=type(error).__name__)

        return self._watched(act)

    def _converse(self, case: PxCase, made: socket.socket, sent: str) -> Exchange:
        made.sendall(case.head)
        if case.id.startswith(HALF_CLOSED):
            made.shutdown(socket.SHUT_WR)
        head = b""
        error = ""
        try:
            while b"\r\n\r\n" not in head and len(head) < 65536:
                piece = made.recv(4096)
                if not piece:
                    break
                head += piece
        except OSError as failure:
            error = type(failure).__name__
        words = head.split(b" ", 2)
        status = int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
        tunnelled = False
        if status == 200 and case.head.startswith(b"CONNECT"):
            if case.after:
                made.sendall(case.after)
                error = error or self._rest(made)
            else:
                if case.expect == "refused":  # a tunnel is a failure already: what is behind it is not waited for
                    made.settimeout(SHORT_SECONDS)
                tunnelled, error = self._through(made, "/small", b"site ")
        return Exchange(
            id=case.id, sent=sent, status=status, answer=head[:2000].decode("latin-1"), tunnelled=tunnelled, error=error
        )

    @staticmethod
    def _rest(made: socket.socket) -> str:
        made.settimeout(SHORT_SECONDS)
        try:
            return made.recv(4096)[:100].decode("latin-1")
        except OSError as error:
            return type(error).__name__

    def _through(self, made: socket.socket, path: str, expected: bytes) -> tuple[bool, str]:
        """Whether TLS to the listed name works in the tunnel and ``path`` comes back as expected."""
        try:
            body = self._fetch(made, path)
        except (OSError, ssl.SSLError) as error:
            return False, f"{type(error).__name__}: {error}"[:200]
        return body.startswith(expected), ""

    def _fetch(self, made: socket.socket, path: str) -> bytes:
        fqdn = self._policy.service.fqdn
        with self._tls.wrap_socket(made, server_hostname=fqdn) as secure:
            secure.sendall(f"GET {path} HTTP/1.1\r\nHost: {fqdn}\r\n\r\n".encode())
            data = bytearray()
            while b"\r\n\r\n" not in data:
                piece = secure.recv(65536)
                if not piece:
                    return b""
                data += piece
            head, _, rest = bytes(data).partition(b"\r\n\r\n")
            if b"X-Shinsei: a  b" not in head:
                return b""
            size = int(
                next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
            )
            body = bytearray(rest)
            while len(body) < size:
                piece = secure.recv(1 << 18)
                if not piece:
                    break
                body += piece
            return bytes(body)

    def fronted(self) -> Exchange:
        """A permitted tunnel in which another site is named, in TLS and in Host (PX-17)."""
        head = connect(f"{self._policy.service.fqdn}:{self._policy.service.port}")
        other = self._policy.service.other_fqdns[0]
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE

        def act() -> Exchange:
            one = Exchange(id="PX-17", sent=f"{head.decode()}（TLS SNI, Host: {other}）")
            try:
                with self._dial(self._policy.the("am"), STALL_SECONDS) as made:
                    made.sendall(head)
                    answer = made.recv(4096)
                    if b" 200 " not in answer[:20]:
                        return one.model_copy(update={"answer": answer.decode("latin-1")})
                    with anybody.wrap_socket(made, server_hostname=other) as secure:
                        secure.sendall(f"GET /small HTTP/1.1\r\nHost: {other}\r\n\r\n".encode())
                        inner = secure.recv(4096)
            except OSError as error:
                return one.model_copy(update={"status": 200, "error": type(error).__name__})
            return one.model_copy(update={"status": 200, "tunnelled": True, "answer": inner[:200].decode("latin-1")})

        return self._watched(act)

    def large(self, name: str) -> Exchange:
        """Ten megabytes through the tunnel, compared by digest."""
        head = connect(f"{self._policy.service.fqdn}:{self._policy.service.port}")

        def act() -> Exchange:
            try:
                with self._dial(self._policy.the("am"), ANSWER_SECONDS) as made:
                    made.sendall(head)
                    answer = made.recv(4096)
                    if b" 200 " not in answer[:20]:
                        return Exchange(id=name, sent=head.decode(), answer=answer.decode("latin-1"))
                    made.settimeout(STALL_SECONDS)
                    digest = hashlib.sha256(self._fetch(made, "/large")).hexdigest()
            except (OSError, ssl.SSLError) as error:
                return Exchange(id=name, sent=head.decode(), error=f"{type(error).__name__}: {error}"[:200])
            good = digest == self._sites.large_digest
            return Exchange(id=name, sent=head.decode(), status=200, tunnelled=good, answer=f"sha256 {digest}")

        return self._watched(act)

    def crowd(self, allowed: PxCase, refused: PxCase) -> Exchange:
        """Permitted tunnels opened between many refused requests, all used together at the end: each must work (PX-21)."""
        refusals_done = threading.Event()
        source = self._policy.the("am")

        def permitted(_number: int) -> bool:
            try:
                with self._dial(source, CROWD_SECONDS) as made:
                    made.sendall(allowed.head)
                    if b" 200 " not in made.recv(4096)[:20]:
                        return False
                    refusals_done.wait(CROWD_SECONDS * 2)
                    return self._through(made, "/small", b"site ")[0]
            except OSError:
                return False

        def turned_away(_number: int) -> None:
            with suppress(OSError), self._dial(source, CROWD_SECONDS) as made:  # what counts are the permitted ones
                made.sendall(refused.head)
                made.recv(64)

        def act() -> Exchange:
            with ThreadPoolExecutor(MANY_ALLOWED) as inside, ThreadPoolExecutor(REFUSED_AT_ONCE) as others:
                results = []
                for number in range(MANY_ALLOWED):
                    results.append(inside.submit(permitted, number))
                    list(others.map(turned_away, range(MANY_REFUSED // MANY_ALLOWED)))
                refusals_done.set()
                good = sum(one.result() for one in results)
            return Exchange(
                id="PX-21", sent=f"refused {MANY_REFUSED}, allowed {MANY_ALLOWED}", status=200,
                tunnelled=good == MANY_ALLOWED, answer=f"{good} of {MANY_ALLOWED}",
            )  # fmt: skip

        return self._watched(act)

    def hold(self) -> Idle:
        """Opens a permitted tunnel with one exchange in it, to be left idle."""
        return Idle(self._tls, self._dial, self._policy)


class Idle:
    """A tunnel with one exchange behind it; `after` says whether it still carries one when it was idle for a while."""

    def __init__(self, tls: ssl.SSLContext, dial: Callable[[str, float], socket.socket], policy: Policy) -> None:
        self._fqdn, self._problem = policy.service.fqdn, ""
        self._secure: ssl.SSLSocket | None = None
        self._head = connect(f"{self._fqdn}:{policy.service.port}")
        self._since = time.monotonic()
        try:
            made = dial(policy.the("am"), ANSWER_SECONDS)
        except OSError as error:
            self._problem = type(error).__name__
            return
        try:
            made.sendall(self._head)
            if b" 200 " not in made.recv(4096)[:20]:
                raise OSError("refused")
            self._secure = tls.wrap_socket(made, server_hostname=self._fqdn)
            self._ask()
        except OSError as error:
            self._problem = type(error).__name__
            made.close()

    def _ask(self) -> bytes:
        assert self._secure is not None  # noqa: S101 — asked after it was made
        self._secure.sendall(f"GET /small HTTP/1.1\r\nHost: {self._fqdn}\r\n\r\n".encode())
        self._since = time.monotonic()
        return self._secure.recv(65536)

    def after(self, seconds: float) -> Exchange:
        """Leaves the tunnel idle until ``seconds`` have passed since its exchange, then tries another one."""
        time.sleep(max(0.0, self._since + seconds - time.monotonic()))
        one = Exchange(id="PX-25", sent=self._head.decode(), error=self._problem, seconds=seconds)
        if self._secure is None or self._problem:
            return one
        with self._secure:
            try:
                answer = self._ask()
            except OSError as error:
                return one.model_copy(update={"error": type(error).__name__})
        return one.model_copy(
            update={"status": 200, "tunnelled": b"site " in answer, "answer": answer[:200].decode("latin-1")}
        )
