"""Neo4j 5 Community: its own jars from Maven Central and the Java that is here, one server with an empty database.

Where NEO4J_URI is set, that server is used instead (NEO4J_USER, NEO4J_PASSWORD); it must be one whose content may go.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neo4j import GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from tests.servers.ports import free_port
from tests.servers.programs import FOLDER, require

VERSION: Final = "5.26.30"
JARS: Final = FOLDER / "neo4j" / VERSION
PASSWORD: Final = "graph-tests"
DEADLINE_S: Final = 150
_STAMP = JARS / "complete"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>graph-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""
_FLAGS = (
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "-Dlog4j2.disable.jmx=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-XX:+UseG1GC",
)
_CONF = """server.default_listen_address=127.0.0.1
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.bolt.tls_level=DISABLED
server.http.enabled=false
server.https.enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=256m
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.preallocate=false
db.tx_log.rotation.size=16m
dbms.security.auth_enabled=true
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
internal.dbms.bolt.netty_server_shutdown_timeout=1s
"""


def install() -> Path:
    """Fetch the server's jars once; needs Maven and Java 17."""
    if not _STAMP.is_file():
        JARS.mkdir(parents=True, exist_ok=True)
        pom = JARS.with_name(f"pom-{VERSION}.xml")
        pom.write_text(_POM)
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={JARS}"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), _PLUGIN, *options], check=True, stdout=sys.stderr)
        _STAMP.write_text(VERSION)
    return JARS


@dataclass
class Neo4jServer:
    """A server, running or not; its port and its content outlive the process."""

    home: Path
    port: int
    memory: str = "1g"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    user = "neo4j"
    password = PASSWORD

    @property
    def uri(self) -> str:
        """Where it speaks Bolt."""
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it until it answers."""
        main = ["-cp", f"{self.home}/plugins/*:{self.home}/conf:{JARS}/*", "org.neo4j.server.CommunityEntryPoint"]
        homes = [f"--home-dir={self.home}", f"--config-dir={self.home}/conf", "--console-mode"]
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", "-Xms256m", f"-Xmx{self.memory}", *_FLAGS, *main, *homes], stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it answer nothing until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            with suppress(DriverError, Neo4jError, OSError):
                with GraphDatabase.driver(self.uri, auth=(self.user, self.password), connection_timeout=5) as driver:
                    driver.verify_connectivity()
                return
            time.sleep(0.3)
        log = (self.home / "server.log").read_text(errors="replace")
        raise RuntimeError(f"Neo4j does not answer: {log[-2000:]}")


def prepared(home: Path, *, memory: str = "1g") -> Neo4jServer:
    """A server with an empty database below `home`, not yet started; skips the test where the program is missing."""
    require(_STAMP, what=f"Neo4j {VERSION}")
    if shutil.which("java") is None:
        require(Path("java"), what="Java 17")
    for name in ("conf", "logs", "run", "data", "plugins", "import"):
        (home / name).mkdir(parents=True, exist_ok=True)
    server = Neo4jServer(home, free_port(), memory)
    (home / "conf" / "neo4j.conf").write_text(_CONF.format(port=server.port))
    admin = ["org.neo4j.server.startup.Neo4jAdminCommand", "dbms", "set-initial-password", PASSWORD]
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    command = ["java", *_FLAGS, "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", *admin]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return server


@contextmanager
def neo4j(home: Path, *, memory: str = "1g") -> Iterator[Neo4jServer]:
    """A server for the time of a test."""
    server = prepared(home, memory=memory)
    try:
        server.start()
        yield server
    finally:
        server.kill()
