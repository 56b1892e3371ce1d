"""``python -m harness.faults --config -``: the fault proxy as a process."""

from __future__ import annotations

import sys

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.faults.event_log import EventLog
from harness.faults.process import ProcessConfig, main
from harness.faults.proxy import Proxy
from harness.faults.schedule import FaultSchedule
from harness.faults.spec import Fault, NetworkFault


class ProxyConfig(ProcessConfig):
    """Configuration of a fault proxy."""

    upstream: str  # base URL of the target
    faults: tuple[Fault, ...] = ()
    begin: bool = False  # do not wait for the start signal


async def start_proxy(config: ProxyConfig) -> Proxy:
    """
    Open the proxy that `config` describes.

    Raises:
        UsageError: The configuration is wrong.
        OSError: The address cannot be bound, or the events file cannot be opened.
    """
    specs = [fault for fault in config.faults if isinstance(fault, NetworkFault)]
    if len(specs) < len(config.faults):
        raise UsageError(
            "the proxy cannot inject the fault restart; use `harness run --fault restart`"
        )
    event_log = EventLog(config.events, "fault-proxy")
    schedule = FaultSchedule(specs, seed=config.seed, event_log=event_log)
    proxy = Proxy(config.upstream, schedule=schedule, event_log=event_log, listen=config.listen)
    await proxy.open()
    if config.begin:
        proxy.begin(unix_ns())
    return proxy


if __name__ == "__main__":
    sys.exit(main("harness.faults", ProxyConfig, start_proxy))
