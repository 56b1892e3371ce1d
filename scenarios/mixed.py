"""Mixed: several workloads with the shares of the plan's ``[weights]``."""

from __future__ import annotations

from harness.load.user import ScenarioUser
from scenarios import cache_import, run_polling, session_churn


class MixedUser(ScenarioUser):
    """A user who runs all workloads."""

    workloads = {  # noqa: RUF012  as Locust's own class settings
        "session_churn": session_churn.SessionChurn,
        "cache_import": cache_import.CacheImport,
        "run_polling": run_polling.RunPolling,
    }
