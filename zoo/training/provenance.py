"""Where a run came from: the command, the code, the packages and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("pixelzoo", "tensorflow", "keras", "tensorflow-probability", "numpy")


def provenance() -> dict[str, Any]:
    """A table for the frozen config: command, start time, git commit if there is one, versions and hardware."""
    program = Path(sys.argv[0]).name or "python"
    table: dict[str, Any] = {
        "command": shlex.join([program, *sys.argv[1:]]),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hardware": hardware(),
        "versions": versions(),
    }
    commit = _git("rev-parse", "HEAD")
    if commit:
        table["commit"] = commit
        table["uncommitted_changes"] = bool(_git("status", "--porcelain"))
    return table


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide what a training computes."""
    result = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            result[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return result


def hardware() -> str:
    """One line: the processor, how many of its cores this process may use, and any accelerators."""
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    accelerators = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return "; ".join([f"{_processor()}, {cores} cores", *accelerators])


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    """What git says about the checkout that this file lies in; empty if it is not one."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
