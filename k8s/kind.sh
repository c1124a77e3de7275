#!/usr/bin/env bash
# kind.sh [down]: a kind cluster with a local registry, in kind's documented way. Needs docker, kind and kubectl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
registry=kind-registry port=5001

if [ "${1:-}" = down ]; then
  kind delete cluster --name openorder
  docker rm -f "$registry" >/dev/null
  exit
fi

if [ "$(docker inspect -f '{{.State.Running}}' "$registry" 2>/dev/null)" != true ]; then
  docker start "$registry" 2>/dev/null || docker run -d --restart=always -p "127.0.0.1:$port:5000" --network bridge --name "$registry" registry:2.8.3
fi
kind get clusters 2>/dev/null | grep -qx openorder || kind create cluster --config kind-config.yaml

for node in $(kind get nodes --name openorder); do
  docker exec "$node" mkdir -p "/etc/containerd/certs.d/localhost:$port"
  printf '[host."http://%s:5000"]\n' "$registry" | docker exec -i "$node" cp /dev/stdin "/etc/containerd/certs.d/localhost:$port/hosts.toml"
done
if [ "$(docker inspect -f '{{json .NetworkSettings.Networks.kind}}' "$registry")" = null ]; then
  docker network connect kind "$registry"
fi
kubectl --context kind-openorder apply -f - <<K
apiVersion: v1
kind: ConfigMap
metadata: {name: local-registry-hosting, namespace: kube-public}
data:
  localRegistryHosting.v1: |
    host: "localhost:$port"
    help: "https://kind.sigs.k8s.io/docs/user/local-registry/"
K
echo "Ready. Now: tilt up"
