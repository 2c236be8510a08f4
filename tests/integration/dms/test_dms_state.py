"""A sandbox with a state folder, killed and started again: same DMS resources, tasks as after a host failure."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.long
def test_resources_and_running_tasks_survive_a_kill(new_sandbox: Any, build_lab: Any, tmp_path: Path) -> None:
    first = new_sandbox("--state", str(tmp_path / "state"))
    lab = build_lab(first, "kept")
    idle, live = lab.task("idle"), lab.task("live", "full-load-and-cdc")
    lab.start(idle)
    lab.wait(idle, "stopped")
    lab.start(live)
    lab.wait(live, "running")
    lab.until(lambda: lab.described("task", live)["ReplicationTaskStats"]["FullLoadProgressPercent"] == 100)
    lab.sql("INSERT INTO shop.item VALUES (5001, 'before', 1)")
    lab.until(lambda: lab.statistics(live)["item"]["AppliedInserts"] == 1, 30)
    before = lab.described("endpoint", lab.source)
    lab.until((tmp_path / "state" / "rooms" / "dms.json").exists, 5)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(10)

    lab.sandbox = second = new_sandbox("--state", str(tmp_path / "state"))
    assert lab.described("endpoint", lab.source) == before
    assert lab.described("task", idle)["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    assert lab.statistics(idle)["item"]["FullLoadRows"] == 2000
    lab.wait(live, "running")

    def database() -> bool:
        return any(entry["name"] == lab.database for entry in second.databases())

    lab.until(database, 30, "the database")
    lab.sql("INSERT INTO shop.item VALUES (5002, 'after', 2)")
    lab.until(lambda: lab.statistics(live)["item"]["AppliedInserts"] == 2, 40, "changes after the restart")
    lab.dms.stop_replication_task(ReplicationTaskArn=live)
    lab.wait(live, "stopped")
