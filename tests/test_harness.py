"""What fails leaves no process behind, which a test that comes later would trip over."""

from __future__ import annotations

import os
import subprocess
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


def test_what_does_not_end(
    tmp_path: Path, trusted_xattrs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that goes on when it is unmounted fails the test, and ends all the same."""
    monkeypatch.setattr("glusterfs.PATIENCE", 1)
    host = Host(tmp_path, None)
    mount = host.mount(host.posix())
    # A copy of the mount keeps its file system there.
    copy = ["unshare", "--mount", "--propagation=private", "sh", "-c", "echo ready; exec cat"]
    with subprocess.Popen(copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        mount.stop()
        holder.kill()
    with pytest.raises(AssertionError, match="mnt: did not end when it was unmounted"), host:
        pass
    assert not mount.running()


def test_a_cluster_holds_no_mounts(host: Host) -> None:
    """Two test runs at once: one's cluster does not keep the other's mounts alive."""
    mount = host.mount(host.posix())
    with Cluster(host, ()):
        mount.stop()
    assert not mount.grievances


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
