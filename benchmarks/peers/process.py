"""Processes that serve, load or compute, and what they cost: CPU time and memory of a process with all its children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).resolve().parent


class Process:
    """A program with pipes to its standard input and output; what it and all below it cost."""

    def __init__(self, *command: object, **environment: str) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("SERVING_STDERR") else None,
            text=True,
            env=os.environ | environment,
            start_new_session=True,  # So that what it starts itself ends with it.
        )

    def say(self, line: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line; raises RuntimeError if the program has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            command = " ".join(map(str, self._process.args))
            raise RuntimeError(f"{command} ended: set SERVING_STDERR=1 to see what it says")
        return line.strip()

    def cpu_seconds(self) -> float:
        """CPU time, user and system, of the process, all below it, and those of them that have ended."""
        return sum(map(cpu_seconds, self._tree()))

    def resident_bytes(self) -> int:
        page = os.sysconf("SC_PAGE_SIZE")
        return sum(int(_stat(pid)[21]) * page for pid in self._tree())

    def _tree(self) -> list[int]:
        children = defaultdict(list)
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
                children[int(fields[1])].append(int(entry.name))
        found, new = [], [self._process.pid]
        while new:
            found += new
            new = [child for pid in new for child in children[pid]]
        return found

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Server(Process):
    """A process that says `serving on HOST:PORT`, and how a load generator reaches its model."""

    def __init__(
        self, *command: object, load_python: object = sys.executable, protocol: str = "pixelzoo"
    ) -> None:
        super().__init__(*command)
        self._load = (load_python, HERE / "load.py", "--protocol", protocol)
        self.target = ""
        while not self.target:
            _, found, after = self.hear().partition(" on ")
            self.target = after.split()[0] if found else ""

    def load(self, *options: object) -> dict[str, float]:
        """What the load generator found, and `cpu_ms`: the CPU time of the server for one image."""
        with Process(*self._load, "--target", self.target, *options) as generator:
            assert generator.hear() == "ready"
            start = self.cpu_seconds()
            generator.say()
            figures: dict[str, float] = json.loads(generator.hear())
            figures["cpu_ms"] = 1000 * (self.cpu_seconds() - start) / figures["requests"]
            return figures


def cpu_seconds(pid: int) -> float:
    """CPU time, user and system, of all threads of a process, and of its children that have ended."""
    return sum(map(int, _stat(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
