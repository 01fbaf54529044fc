"""What fails leaves no process behind, which a test that comes later would trip over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster import Cluster
from glusterfs import Host, StackError, is_mounted


def test_a_test_that_fails(tmp_path: Path, trusted_xattrs: None) -> None:
    """What it has started ends; it fails with its own error."""
    host = Host(tmp_path, None)

    def fails() -> None:
        with host:
            host.mount(host.posix()).log.expect("what is not logged")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not host.processes[0].running()
    assert not is_mounted(tmp_path / "mnt")


def test_complaints(tmp_path: Path, trusted_xattrs: None) -> None:
    """A test that goes through fails by what the logs have against it."""
    with pytest.raises(AssertionError, match="not logged: what is not logged"):
        with Host(tmp_path, None) as host:
            host.mount(host.posix()).log.expect("what is not logged")
    assert not host.processes[0].running()


def test_a_cluster_that_does_not_come_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why at once."""
    programs = host.directory / "programs"
    programs.mkdir()
    glusterd = programs / "glusterd"
    glusterd.write_text("#!/bin/sh\nexit 3\n")
    glusterd.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    cluster = Cluster(host, ())
    with pytest.raises(StackError, match="glusterd ended with 3"), cluster:
        pass
    assert len(cluster.processes) == 2
    assert all(process.poll() is not None for process in cluster.processes)
