"""Checks what is under deploy/, without a container engine or a cluster.

    python deploy_check.py

The Dockerfile's build command runs, and what it made is started by its ENTRYPOINT as its USER in an empty root, with the
arguments of every manifest: the models must answer, and SIGTERM end the server with 0. That needs root and is left out
without. Manifests are validated by the schemas of Kubernetes where these know them, the systemd unit by systemd-analyze.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.request

import kubernetes_validate
import yaml

from parity_serve import served

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DIGITS = ROOT / "testdata/models/digits/model.keras"


def documents(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def containers(document):
    """All containers of a manifest, however deep."""
    if isinstance(document, dict):
        yield from document.get("containers", [])
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from containers(value)


def check_manifests():
    known = ["Deployment", "Service"]
    for path in sorted(DEPLOY.glob("*.yaml")):
        for document in documents(path.name):
            if document["kind"] in known:
                kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
            else:  # of KServe; what is in it of Kubernetes itself is checked as a pod
                assert document["apiVersion"].startswith("serving.kserve.io/"), document["apiVersion"]
                pod = {"apiVersion": "v1", "kind": "Pod", "metadata": document["metadata"], "spec": {"containers": list(containers(document))}}
                if pod["spec"]["containers"]:
                    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
            print(f"{path.name}: {document['kind']} {document['metadata']['name']}")
    deployment, service = documents("kubernetes.yaml")
    selected = deployment["spec"]["template"]["metadata"]["labels"]
    assert all(selected.get(k) == v for k, v in service["spec"]["selector"].items())


def check_unit(program):
    if not shutil.which("systemd-analyze"):
        print("kerasrun.service: left out, no systemd-analyze")
        return
    text = (DEPLOY / "kerasrun.service").read_text()
    assert "/usr/local/bin/kerasrun" in text
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "kerasrun.service"
        unit.write_text(text.replace("/usr/local/bin/kerasrun", str(program)))
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        ours = [line for line in said.stderr.splitlines() if "kerasrun" in line]
        assert said.returncode == 0 and not ours, said.stderr
    print("kerasrun.service: systemd-analyze has nothing against it")


def ask(url, name):
    urllib.request.urlopen(f"{url}/v2/health/ready", timeout=30).read()
    image = base64.b64encode((ROOT / "testdata/images/digit_7.png").read_bytes()).decode()
    body = json.dumps({"instances": [{"b64": image}]}).encode()
    answer = json.load(urllib.request.urlopen(f"{url}/v1/models/{name}:predict", body, timeout=30))
    (scores,) = answer["predictions"]
    assert max(range(10), key=scores.__getitem__) == 7, answer
    assert b"\nkerasrun_requests_total" in urllib.request.urlopen(f"{url}/metrics", timeout=30).read()


def check_image(root, program):
    """Starts the program as the image would, for the manifests' arguments."""
    text = (DEPLOY / "Dockerfile").read_text()
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.M)[1])
    user = re.search(r"^USER (.*)$", text, re.M)[1]
    destination = re.search(r"^COPY --from=build \S+ (\S+)$", text, re.M)[1]
    assert entry[0] == destination
    shutil.copy(program, root / destination.lstrip("/"))
    layouts = {  # where the manifests have their model: numbered versions of a volume, one file of KServe
        "kubernetes.yaml": ("model", "models/model/1/model.keras"),
        "kserve.yaml": ("digits", "mnt/models/model.keras"),
    }
    for manifest, (name, model) in layouts.items():
        (container,) = (c for d in documents(manifest) for c in containers(d))
        path = root / model
        path.parent.mkdir(parents=True)
        shutil.copy(DIGITS, path)
        args = [a.replace("{{.Name}}", name) for a in container["args"]] + ["--addr", "127.0.0.1:0"]
        if os.geteuid() != 0:
            print(f"{manifest}: not started in an empty root, which needs root")
            continue
        with served("chroot", f"--userspec={user}", root, *entry, *args) as url:
            ask(url, name)
        files = " ".join(sorted("/" + str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()))
        print(f"{manifest}: runs with nothing but {files}")


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    check_manifests()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        build = re.search(r"^RUN (.* go build .*)$", (DEPLOY / "Dockerfile").read_text(), re.M)[1]
        assert " -o /out/kerasrun " in build
        subprocess.run(build.replace("/out/", f"{folder}/"), shell=True, check=True, cwd=ROOT)
        check_unit(folder / "kerasrun")
        root = folder / "root"
        root.mkdir(mode=0o755)
        folder.chmod(0o755)
        check_image(root, folder / "kerasrun")


if __name__ == "__main__":
    main()
