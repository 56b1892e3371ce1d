"""The files of deploy/ are well formed, agree with each other, and name options that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
ROOT = DEPLOY.parent


def compose() -> dict:
    """compose.yaml."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def cluster() -> dict[str, dict]:
    """The documents of kubernetes.yaml, by kind."""
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    assert len({d["kind"] for d in documents}) == len(documents)
    return {document["kind"]: document for document in documents}


def arguments() -> dict[str, list[str]]:
    """Every command line of the files."""
    found = {f"compose {n}": s["command"] for n, s in compose()["services"].items()}
    for kind in ("Job", "Deployment"):
        (container,) = cluster()[kind]["spec"]["template"]["spec"]["containers"]
        found[f"kubernetes {kind}"] = container["args"]
    return found


@pytest.fixture(scope="module")
def known_options() -> set[str]:
    """Options of `harness run`."""
    code = "from harness.cli import main; main()"
    text = subprocess.run(
        [sys.executable, "-c", code, "run", "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "200", "NO_COLOR": "1"},
    ).stdout  # fmt: skip
    return set(re.findall(r"--[a-z0-9-]+", text))


@pytest.mark.parametrize("name", sorted(arguments()))
def test_command_lines_are_the_harness_s_own(name: str, known_options: set[str]) -> None:
    """Each is a list of texts that `harness run` knows, as a master or as a worker."""
    args = arguments()[name]

    assert all(isinstance(arg, str) for arg in args)
    assert args[0] == "run"
    assert {arg for arg in args if arg.startswith("--")} <= known_options
    assert ("--master" in args) != ("--worker" in args)
    assert {"--host", "--allow-host"} <= set(args)


def test_the_key_is_never_in_a_file_or_an_argument() -> None:
    """It comes from the environment of who starts it, or from a secret."""
    for path in DEPLOY.iterdir():
        assert "osk_" not in path.read_text()
    for args in arguments().values():
        assert not [arg for arg in args if "API_KEY" in arg]
    for service in compose()["services"].values():
        assert service["environment"]["OPENSTEER_API_KEY"].startswith("${OPENSTEER_API_KEY:?")


def test_compose_has_a_master_with_a_volume_and_workers_that_find_it() -> None:
    """Workers ask at the master's name and port; the report outlives the container."""
    document = compose()
    master, worker = document["services"]["master"], document["services"]["worker"]

    assert set(document["volumes"]) == {"trials"}
    assert master["volumes"] == ["trials:/trials"]
    assert worker["command"][worker["command"].index("--worker") + 1] == "master:5557"
    assert master["command"][master["command"].index("--bind") + 1].endswith(":5557")
    assert worker["deploy"]["replicas"] == 2
    assert '"${WORKERS:-2}"' in (DEPLOY / "compose.yaml").read_text()
    build = master["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_the_cluster_s_parts_fit_together() -> None:
    """Selectors find their pods, the claim is mounted, workers are as many as are waited for."""
    parts = cluster()
    assert set(parts) == {"PersistentVolumeClaim", "Service", "Job", "Deployment"}
    assert {
        "PersistentVolumeClaim": "v1", "Service": "v1", "Job": "batch/v1", "Deployment": "apps/v1",
    } == {kind: part["apiVersion"] for kind, part in parts.items()}  # fmt: skip
    job, workers = parts["Job"]["spec"], parts["Deployment"]["spec"]
    service = parts["Service"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    args = container["args"]
    (port,) = service["spec"]["ports"]

    assert service["spec"]["selector"].items() <= job["template"]["metadata"]["labels"].items()
    assert workers["selector"]["matchLabels"] == workers["template"]["metadata"]["labels"]
    assert args[args.index("--master") + 1] == str(workers["replicas"])
    assert args[args.index("--bind") + 1] == f"0.0.0.0:{port['targetPort']}"
    claim = pod["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim == parts["PersistentVolumeClaim"]["metadata"]["name"]
    assert container["volumeMounts"] == [{"name": "trials", "mountPath": "/trials"}]
    (worker,) = workers["template"]["spec"]["containers"]
    address = worker["args"][worker["args"].index("--worker") + 1]
    assert address == f"{service['metadata']['name']}:{port['port']}"
    assert worker["image"] == container["image"]
    assert job["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never"


def test_the_image_copies_what_is_there_and_runs_as_nobody_special() -> None:
    """Every COPY names a path of the repository; the packages of the wheel are all copied."""
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [
        name
        for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE)
        for name in line.split()[:-1]
    ]

    assert all((ROOT / name).exists() for name in copied)
    assert {"harness", "reports", "scenarios", "constraints.txt"} <= set(copied)
    assert re.search(r"^USER harness$", text, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["harness"\]$', text, re.MULTILINE)
