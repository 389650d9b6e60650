"""What is shipped to run elsewhere hangs together: images, settings, secrets, names, probes."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import entries
from core.runtime.version import VERSION
from tests.deploy.charts import rendered, values_of
from tests.support.process import PRODUCT, ROOT

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "contact-center"
KNOWN = {entry.name for entry in entries()}
#: Settings of a process, not of the product.
PYTHONS = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PATH", "LANG"}


def settings_are_known(names: Mapping[str, Any]) -> list[str]:
    """Those of these names that are no setting of ours."""
    plain = {name.removesuffix("_FILE") if name not in KNOWN else name for name in names}
    return sorted(plain - KNOWN - PYTHONS)


def composed(name: str) -> dict[str, Any]:
    """A compose file, with its anchors followed."""
    return dict(yaml.safe_load((DEPLOY / name).read_text()))


@pytest.mark.parametrize("name", ["compose.yaml", "compose.small.yaml"])
def test_a_compose_file_names_only_what_it_has(name: str) -> None:
    stack = composed(name)
    services = stack["services"]
    ours = [s for s in services.values() if str(s.get("image", "")).startswith("${IMAGE")]
    assert ours
    for service in services.values():
        secrets = [s if isinstance(s, str) else s["source"] for s in service.get("secrets", ())]
        assert set(secrets) <= set(stack.get("secrets", ()))
        assert set(service.get("networks", ())) <= set(stack.get("networks", ()))
        assert set(service.get("depends_on", ())) <= set(services)
        volumes = [volume.split(":")[0] for volume in service.get("volumes", ())]
        assert {v for v in volumes if not v.startswith(".")} <= set(stack["volumes"])
        needs = service.get("depends_on", ())
        for needed in needs if isinstance(needs, dict) else ():
            if needs[needed]["condition"] == "service_healthy":
                assert "healthcheck" in services[needed]
    for service in ours:
        assert settings_are_known(service["environment"]) == []
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        files = {v for k, v in service["environment"].items() if k.endswith("_FILE")}
        assert files <= {f"/run/secrets/{secret}" for secret in service.get("secrets", ())}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.small.yaml"])
def test_a_volume_lies_where_the_image_has_a_folder_of_its_user(name: str) -> None:
    # A new volume takes its owner from there; where there is nothing it would be root's.
    made = re.search(r"install -d -o contact .*", (ROOT / "Dockerfile").read_text())
    assert made
    ours = [s for s in composed(name)["services"].values() if "build" in s]
    mounted = {volume.split(":")[1] for service in ours for volume in service.get("volumes", ())}
    assert mounted
    assert mounted <= set(made[0].split())
    assert made[0] in (DEPLOY / "check_image.sh").read_text()


def test_the_secrets_that_a_stack_names_are_made(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "make_secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run([tmp_path / "make_secrets.sh"], check=True, capture_output=True)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    wanted = {Path(one["file"]).name for one in composed("compose.yaml")["secrets"].values()}
    assert set(made) == wanted
    assert made["mongodb_password"].strip() in made["mongodb_uri"]
    assert made["redis_password"].strip() in made["redis_url"]
    assert len(made["secret_key"].strip()) == 48
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_on_fly_every_setting_is_known_and_the_ports_agree() -> None:
    fly = tomllib.loads((DEPLOY / "fly.toml").read_text())
    assert settings_are_known(fly["env"]) == []
    assert str(fly["http_service"]["internal_port"]) == fly["env"]["PORT"]
    assert str(fly["metrics"]["port"]) == fly["env"]["METRICS_PORT"]
    assert fly["mounts"][0]["destination"] == fly["env"]["DATA_DIR"]
    assert (DEPLOY / fly["build"]["dockerfile"]).is_file()


def test_the_image_takes_in_what_the_wheel_is_made_of() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]  # fmt: skip
    release: dict[str, Any] = {"__name__": "release", "__file__": str(ROOT / ".ci/release.py")}
    exec((ROOT / ".ci/release.py").read_text(), release)
    assert set(PRODUCT) <= set(release["SOURCES"]) <= set(copied)
    allowed = set((ROOT / ".dockerignore").read_text().split())
    for path in copied:
        assert (ROOT / path).exists(), path
        top = path.split("/")[0]
        assert f"!{top}" in allowed, path
    environment = " ".join(line.removeprefix("ENV ") for line in lines if line.startswith("ENV "))
    names = dict.fromkeys(re.findall(r"(\w+)=", environment))
    assert settings_are_known({n: "" for n in names if not n.startswith("PIP_")}) == []
    assert "USER 10001:10001" in lines


@pytest.mark.parametrize("mode", ["small", "cluster"])
def test_the_chart_is_rendered_and_its_parts_find_each_other(mode: str) -> None:
    keys = ["SECRET_KEY", "MONGODB_URI", "QDRANT_API_KEY", "REDIS_URL"]
    more = {"mode": mode, "secret": {"name": "contact-center", "keys": keys}}
    values = values_of(CHART, **more)
    values["ingress"]["enabled"] = True
    values["worker"]["queueMetric"] = "some_metric"
    manifests = rendered(CHART, values)
    kinds = [one["kind"] for one in manifests]
    assert len({(one["kind"], one["metadata"]["name"]) for one in manifests}) == len(manifests)
    [settings] = [one["data"] for one in manifests if one["kind"] == "ConfigMap"]
    assert settings_are_known(settings) == []
    assert all(isinstance(value, str) for value in settings.values())
    pods = list(_pods(manifests))
    assert len(pods) == (1 if mode == "small" else 2)
    for selector, labels, pod in pods:
        assert selector == labels
        assert pod["securityContext"]["runAsNonRoot"] is True
        [container] = pod["containers"]
        assert container["image"] == f"contact-center-os:{VERSION}"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {"data"} if mode == "small" else set()
        assert mounts == {volume["name"] for volume in pod["volumes"]} | claimed
        assert container["resources"]["limits"]["memory"] == "2Gi"
    [service] = [one["spec"] for one in manifests if one["kind"] == "Service"]
    assert any(service["selector"].items() <= labels.items() for _, labels, _ in pods)
    if mode == "cluster":
        assert kinds.count("PodDisruptionBudget") == 2
        [scaled] = [one["spec"] for one in manifests if one["kind"] == "HorizontalPodAutoscaler"]
        names = [one["metadata"]["name"] for one in manifests if one["kind"] == "Deployment"]
        assert scaled["scaleTargetRef"]["name"] in names
        assert len(scaled["metrics"]) == 2


def test_the_chart_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze on this machine")
    unit = (DEPLOY / "systemd" / "contact-center.service").read_text()
    command = tmp_path / "contact-center"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    copy = tmp_path / "contact-center.service"
    copy.write_text(unit.replace("/opt/contact-center/bin/contact-center", str(command)))
    told = subprocess.run([program, "verify", copy], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def _pods(
    manifests: list[dict[str, Any]],
) -> Iterator[tuple[dict[str, str], dict[str, str], dict[str, Any]]]:
    """Selector, labels and pod of everything that runs one."""
    for one in manifests:
        if one["kind"] in ("Deployment", "StatefulSet"):
            template = one["spec"]["template"]
            yield (
                one["spec"]["selector"]["matchLabels"],
                template["metadata"]["labels"],
                template["spec"],
            )


def test_the_workflows_do_what_ci_does() -> None:
    folder = ROOT / ".github" / "workflows"
    flows = {path.stem: yaml.safe_load(path.read_text()) for path in folder.glob("*.yml")}
    assert set(flows) == {"ci", "release"}
    commands = [
        step["run"] for flow in flows.values() for job in flow["jobs"].values()
        for step in job["steps"] if "run" in step
    ]  # fmt: skip
    assert ".ci/run" in commands
    # Whatever they call of ours is there.
    called = {word for run in commands for word in re.findall(r"(?:\.ci|deploy)/[\w./-]+", run)}
    assert {path for path in called if not (ROOT / path).exists()} == set()
    targets = {t for run in commands for t in re.findall(r"\bmake ([a-z-]+)", run)}
    makefile = (ROOT / "Makefile").read_text()
    assert {t for t in targets if f"\n{t}:" not in makefile} == set()
    assert subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=False).returncode == 0
    for run in commands:
        plain = re.sub(r"\$\{\{.*?\}\}", "x", run)
        assert subprocess.run(["bash", "-nc", plain], check=False).returncode == 0, run
