"""
``python -m harness.faults --config -``: the fault proxy as a process.

Keys of the configuration: ``upstream`` (base URL), ``listen`` (``host:port``), ``faults``
(tables as in a plan), ``seed``, ``events`` (a file to append to), ``begin`` (true: at
once, without a start signal), ``parent`` (end when this process is no longer the parent).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.faults.event_log import EventLog
from harness.faults.process import check_keys, main, split_listen
from harness.faults.proxy import Proxy
from harness.faults.schedule import FaultSchedule
from harness.faults.spec import RESTART, fault_from_table

_KEYS = {"upstream", "listen", "faults", "seed", "events", "begin", "parent"}


async def start_proxy(config: Mapping[str, Any]) -> Proxy:
    """
    Open the proxy that `config` describes.

    Raises:
        UsageError: The configuration is wrong.
        OSError: The address cannot be bound, or the events file not opened.
    """
    check_keys(config, _KEYS)
    specs = [fault_from_table(table) for table in config.get("faults", ())]
    if any(spec.kind == RESTART for spec in specs):
        msg = "the fault restart is none of the network's; `harness run` does it"
        raise UsageError(msg)
    event_log = EventLog(config.get("events"), "fault-proxy")
    schedule = FaultSchedule(specs, seed=int(config.get("seed", 0)), event_log=event_log)
    proxy = Proxy(
        str(config.get("upstream", "")),
        schedule=schedule,
        event_log=event_log,
        listen=split_listen(config),
    )
    await proxy.open()
    if config.get("begin", False):
        proxy.begin(unix_ns())
    return proxy


if __name__ == "__main__":
    sys.exit(main("harness.faults", start_proxy))
