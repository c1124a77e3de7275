#!/usr/bin/env bash
# check-laptop.sh MODE PORT...: one line, with its fix, for each thing that `tilt up` needs and this machine lacks; the exit
# code is their number. MODE is operators (Redpanda and PostgreSQL run in the cluster) or existing (they run elsewhere).
set -uo pipefail
mode=$1; shift
problems=0
lacks() { printf '  - %s\n' "$*" >&2; problems=$((problems + 1)); }
number() { [[ ${1:-} =~ ^[0-9]+$ ]]; }

at_least() { # NAME LEAST SAID FIX: the first MAJOR.MINOR of what it said; a version that cannot be read is none too old
  [[ $3 =~ ([0-9]+)\.([0-9]+) ]] || return 0
  local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  if [ "$major" -lt "${2%.*}" ] || { [ "$major" -eq "${2%.*}" ] && [ "$minor" -lt "${2#*.}" ]; }; then
    lacks "$1 is version $major.$minor, at least $2 is needed: $4"
  fi
}
tool() { # NAME LEAST FIX VERSION-COMMAND...
  if command -v "$1" >/dev/null; then at_least "$1" "$2" "$("${@:4}" 2>/dev/null)" "$3"; else lacks "$1 is not on the PATH: $3"; fi
}
tool go 1.26 https://go.dev/dl go version
tool ko 0.15 "go install github.com/google/ko@v0.19.1" ko version
tool helm 3.8 https://helm.sh/docs/intro/install helm version --template '{{.Version}}'
tool kubectl 1.29 https://kubernetes.io/docs/tasks/tools kubectl version --client
if command -v kind >/dev/null; then # a cluster need not be kind's
  at_least kind 0.21 "$(kind version 2>/dev/null)" https://kind.sigs.k8s.io/docs/user/quick-start
fi
at_least Docker 20.10 "$(docker version --format '{{.Server.Version}}' 2>/dev/null)" https://docs.docker.com/engine/install
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
  # Nodes run on Docker's kernel, which on Docker Desktop is not this machine's: kind's node is asked, and set.
  node=$(docker ps --quiet --filter label=io.x-k8s.kind.cluster=openorder 2>/dev/null | head -n 1)
  limit() { # NAME LEAST
    local found; found=$([ -z "$node" ] || docker exec "$node" sysctl -n "$1" 2>/dev/null)
    number "$found" && [ "$found" -lt "$2" ] && lacks "$1 is $found: docker exec $node sysctl -w $1=$2"
  }
  limit fs.aio-max-nr 1048576
  limit fs.inotify.max_user_watches 524288
  limit fs.inotify.max_user_instances 512
fi
exit $problems
