"""What server/deploy says of the server is what the server does: names, ports, sizes and times agree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from zoo_server.app import SERVICES
from zoo_server.config import PING_INTERVAL_MS, SETTINGS, ServerConfig
from zoo_server.health_probe import serving
from zoo_server.telemetry.gauges import Gauges

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "server/deploy"
DEFAULTS = ServerConfig()
VARIABLES = {setting.variable: setting for setting in SETTINGS}


@pytest.fixture(scope="module")
def dockerfile():
    return (DEPLOY / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def image(dockerfile):
    """The settings that the image makes."""
    return dict(re.findall(r"(PIXELZOO_\w+)=(\S+)", dockerfile))


@pytest.fixture(scope="module")
def manifests():
    """Every manifest of the folder, by kind and name."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    found = [one for file in files for one in yaml.safe_load_all(file.read_text()) if "kind" in one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def pod(manifests):
    return manifests["Deployment", "pixelzoo-server"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod):
    return pod["containers"][0]


@pytest.fixture(scope="module")
def envoy():
    return yaml.safe_load((DEPLOY / "envoy/envoy.yaml").read_text())["static_resources"]


class TestImage:
    def test_it_is_small_checked_and_not_root(self, dockerfile):
        assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["python:${PYTHON}-slim"] * 2
        assert "--require-hashes" in dockerfile
        user = dockerfile.rpartition("USER ")[2].split()[0]
        assert int(user.split(":")[0]) > 0

    def test_the_server_runs_on_what_is_copied_and_needs_neither_zoo_nor_client(self, dockerfile, tmp_path):
        copied = re.findall(r"^COPY (?!--from)(\S+) (/app/\S+)", dockerfile, re.MULTILINE)
        for source, target in copied:
            shutil.copytree(REPOSITORY / source, tmp_path / target.removeprefix("/"))
        code = (
            "import sys, zoo_server.app, zoo_server.cli, zoo_server.health_probe, pixelzoo.v1\n"
            "print(zoo_server.__file__, pixelzoo.v1.__file__)\n"
            "assert not {'zoo', 'zoo_client'} & set(sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(tmp_path / "app")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(str(tmp_path)) == 2

    def test_its_settings_exist_and_its_ports_are_open(self, dockerfile, image):
        for variable, text in image.items():
            VARIABLES[variable].check(VARIABLES[variable].kind(text), variable)
        exposed = dockerfile.rpartition("EXPOSE ")[2].splitlines()[0].split()
        assert exposed == [str(DEFAULTS.port), image["PIXELZOO_METRICS_PORT"]]

    def test_its_packages_are_those_of_the_tests(self):
        pins = [
            set(re.findall(r"^\S+==\S+", (folder / "requirements.lock").read_text(), re.MULTILINE))
            for folder in (DEPLOY, REPOSITORY)
        ]
        assert pins[0] <= pins[1]

    def test_its_health_probe_asks_the_server(self, server):
        assert serving(server.address)
        assert serving(server.address, SERVICES[0])
        assert not serving(server.address, "pixelzoo.v1.PaintingService")
        assert not serving("127.0.0.1:1")


class TestKubernetes:
    def test_ports_and_settings_are_the_servers(self, container, image):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"grpc": DEFAULTS.port, "metrics": int(image["PIXELZOO_METRICS_PORT"])}
        for one in container["env"]:
            setting = VARIABLES[one["name"]]
            if "value" in one:
                setting.check(setting.kind(one["value"]), setting.name)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["grpc"] == {"port": DEFAULTS.port}
        assert {"name": "models", "mountPath": image["PIXELZOO_MODELS"], "readOnly": True} in container[
            "volumeMounts"
        ]

    def test_a_pod_has_the_time_to_drain_that_its_server_takes(self, pod, container):
        seconds = {one["name"]: float(one["value"]) for one in container["env"] if "value" in one}
        drain, grace = seconds["PIXELZOO_DRAIN_SECONDS"], seconds["PIXELZOO_GRACE_SECONDS"]
        assert drain + grace + 5 <= pod["terminationGracePeriodSeconds"]
        readiness = container["readinessProbe"]
        assert (
            drain > readiness["periodSeconds"] * readiness["failureThreshold"] + readiness["timeoutSeconds"]
        )

    def test_selectors_meet_their_pods(self, manifests):
        labels = {
            name: one["spec"]["template"]["metadata"]["labels"]
            for (kind, name), one in manifests.items()
            if kind == "Deployment"
        }
        assert manifests["Service", "pixelzoo-servers"]["spec"]["selector"] == labels["pixelzoo-server"]
        assert manifests["Service", "pixelzoo"]["spec"]["selector"] == labels["pixelzoo-envoy"]
        budget = manifests["PodDisruptionBudget", "pixelzoo-server"]["spec"]
        assert budget["selector"]["matchLabels"] == labels["pixelzoo-server"]
        scaled = manifests["HorizontalPodAutoscaler", "pixelzoo-server"]["spec"]["scaleTargetRef"]
        assert (scaled["kind"], scaled["name"]) in manifests

    def test_it_scales_on_a_metric_that_the_server_has(self, manifests, server):
        [metric] = manifests["HorizontalPodAutoscaler", "pixelzoo-server"]["spec"]["metrics"]
        rules = yaml.safe_load((DEPLOY / "kubernetes/prometheus-adapter.yaml").read_text())["rules"]["custom"]
        name = metric["pods"]["metric"]["name"]
        assert [rule["name"]["as"] for rule in rules] == [name]
        gauges = Gauges(server.app.engine, server.app.repository)
        assert name in [family.name for family in gauges.collect()]

    def test_everything_is_applied(self):
        listed = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]
        there = {f"kubernetes/{file.name}" for file in (DEPLOY / "kubernetes").glob("*.yaml")}
        assert set(listed) == there - {"kubernetes/prometheus-adapter.yaml"}  # which is values of a chart


class TestEnvoy:
    def test_it_finds_the_servers_of_the_headless_service(self, envoy, manifests):
        [cluster] = envoy["clusters"]
        [endpoints] = cluster["load_assignment"]["endpoints"]
        [one] = endpoints["lb_endpoints"]
        where = one["endpoint"]["address"]["socket_address"]
        service = manifests["Service", where["address"]]["spec"]
        assert service["clusterIP"] == "None"  # Which YAML reads as the text that Kubernetes means.
        assert where["port_value"] == DEFAULTS.port
        assert where["port_value"] in [port["port"] for port in service["ports"]]

    def test_it_translates_every_service_and_carries_the_largest_request(self, envoy):
        manager = envoy["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        filters = {one["name"].rpartition(".")[2]: one["typed_config"] for one in manager["http_filters"]}
        assert list(filters) == ["cors", "grpc_web", "grpc_json_transcoder", "router"]
        transcoder = filters["grpc_json_transcoder"]
        assert sorted(transcoder["services"]) == sorted(SERVICES)
        assert transcoder["max_request_body_size"] > DEFAULTS.max_message_bytes * 4 / 3

    def test_it_does_not_ping_more_often_than_the_server_allows(self, envoy):
        [cluster] = envoy["clusters"]
        [options] = cluster["typed_extension_protocol_options"].values()
        keepalive = options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"]
        assert float(keepalive["interval"].removesuffix("s")) * 1000 >= PING_INTERVAL_MS
