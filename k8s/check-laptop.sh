#!/usr/bin/env bash
# check-laptop.sh MODE PORT...: one line, with its fix, for each thing that `tilt up` needs and this machine lacks; the exit
# code is their number. MODE is operators (Redpanda and PostgreSQL run in the cluster) or existing (they run elsewhere).
set -uo pipefail
mode=$1; shift
problems=0
lacks() { printf '  - %s\n' "$*" >&2; problems=$((problems + 1)); }
number() { [[ ${1:-} =~ ^[0-9]+$ ]]; }

for tool in "ko:go install github.com/google/ko@v0.19.1" "helm:https://helm.sh/docs/intro/install" "kubectl:https://kubernetes.io/docs/tasks/tools" "go:https://go.dev/dl"; do
  command -v "${tool%%:*}" >/dev/null || lacks "${tool%%:*} is not on the PATH: ${tool#*:}"
done
if command -v helm >/dev/null; then
  major=$(helm version --template '{{.Version}}' 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
  number "$major" && [ "$major" -lt 3 ] && lacks "helm is version $major: 3 or 4 is needed, https://helm.sh/docs/intro/install"
fi
if ! kubectl version --request-timeout=5s >/dev/null 2>&1; then
  lacks "no cluster answers: k8s/kind.sh makes one, with its registry"
elif ! kubectl -n kube-public get configmap local-registry-hosting >/dev/null 2>&1; then
  lacks "the cluster advertises no local registry (ConfigMap kube-public/local-registry-hosting): k8s/kind.sh makes one"
fi
for port in "$@"; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    lacks "port $port is taken: end what listens there (lsof -i :$port)"
  fi
done

if [ "$mode" = operators ]; then
  memory=$(docker info --format '{{.MemTotal}}' 2>/dev/null)
  number "$memory" && [ "$memory" -lt $((6 * 1000 * 1000 * 1000)) ] && lacks "Docker has $((memory / 1000000)) MB of memory: give it 6 GiB (Docker Desktop: Settings, Resources)"
  free=$(df -Pk . | awk 'NR == 2 {print $4}')
  number "$free" && [ "$free" -lt $((10 * 1024 * 1024)) ] && lacks "$((free / 1024 / 1024)) GiB of disk are free: 10 are needed (docker system prune)"
  limit() { # FILE LEAST NAME
    [ -r "$1" ] && [ "$(cat "$1")" -lt "$2" ] && lacks "$3 is $(cat "$1"): sudo sysctl -w $3=$2"
  }
  limit /proc/sys/fs/aio-max-nr 1048576 fs.aio-max-nr
  limit /proc/sys/fs/inotify/max_user_watches 524288 fs.inotify.max_user_watches
  limit /proc/sys/fs/inotify/max_user_instances 512 fs.inotify.max_user_instances
fi
exit $problems
