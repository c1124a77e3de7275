#!/usr/bin/env bash
# openorder.sh NAMESPACE COMMAND...: runs `openorder COMMAND...` (dlt, audit, topics) in a pod beside a release of
# charts/openorder, with its brokers, as the Kafka user openorder-tools where brokers want a login, and with the three
# services' databases. The pod fits the restricted Pod Security level and goes when the command ends. Nobody can be asked
# in it: `dlt redrive` wants --dry-run or --yes.
#
# RELEASE (default openorder) prefixes the resources' names; IMAGE is the tools' image, by default the one that the chart names.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
namespace=$1; shift
release=${RELEASE:-openorder}

deployment() { kubectl -n "$namespace" get deployment "$release-$1" -o "jsonpath={$2}"; } # SERVICE PATH
of() { deployment "$1" ".spec.template.spec$2"; } # SERVICE PATH
environment() { of order ".containers[0].env[?(@.name==\"$1\")].value"; }
quoted() { # ARGUMENT...: as a JSON list
  local list= argument
  for argument in "$@"; do
    argument=${argument//\\/\\\\}
    list+=",\"${argument//\"/\\\"}\""
  done
  echo "[${list#,}]"
}

image=${IMAGE:-$(deployment order '.metadata.annotations.openorder\.io/tools-image')}
[ -n "$image" ] || { echo "$release-order has no annotation openorder.io/tools-image: name the tools' image in IMAGE" >&2; exit 1; }
memory=256 # MiB
variables="{\"name\":\"GOMEMLIMIT\",\"value\":\"$((memory * 8 / 10))MiB\"}"
variables+=",{\"name\":\"KAFKA_BROKERS\",\"value\":\"$(environment KAFKA_BROKERS)\"}"
volumes=',{"name":"tmp","emptyDir":{}}' mounts=',{"name":"tmp","mountPath":"/tmp"}' # an audit sorts there what memory does not hold
mount() { # VOLUME: the order service's, at the same place
  local volume; volume=$(of order ".volumes[?(@.name==\"$1\")]")
  [ -n "$volume" ] || return 0
  volumes+=",$volume" mounts+=",$(of order ".containers[0].volumeMounts[?(@.name==\"$1\")]")"
}
mount kafka-ca
mount database-ca
if [ -n "$(environment KAFKA_TLS_CA_FILE)" ]; then
  variables+=",{\"name\":\"KAFKA_TLS_CA_FILE\",\"value\":\"$(environment KAFKA_TLS_CA_FILE)\"}"
fi
if [ -n "$(environment KAFKA_SASL_MECHANISM)" ]; then
  variables+=",{\"name\":\"KAFKA_SASL_MECHANISM\",\"value\":\"$(environment KAFKA_SASL_MECHANISM)\"}"
  for pair in KAFKA_SASL_USERNAME:username KAFKA_SASL_PASSWORD:password; do
    variables+=",{\"name\":\"${pair%:*}\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"$release-tools-kafka\",\"key\":\"${pair#*:}\"}}}"
  done
fi
for service in order inventory notification; do
  secret=$(of $service '.volumes[?(@.name=="database")].secret.secretName') key=$(of $service '.volumes[?(@.name=="database")].secret.items[0].key')
  variable=$(tr '[:lower:]' '[:upper:]' <<<"$service")_DATABASE_URL
  variables+=",{\"name\":\"$variable\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"$secret\",\"key\":\"$key\"}}}"
done

pod=$release-tools-$RANDOM
trap 'kubectl -n "$namespace" delete pod "$pod" --ignore-not-found --wait=false >/dev/null' EXIT
kubectl -n "$namespace" create -f - >/dev/null <<P
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "$pod", "labels": {"app.kubernetes.io/part-of": "openorder-tools"}}, "spec": {
  "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
  "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
  "volumes": [${volumes#,}],
  "containers": [{"name": "openorder", "image": "$image", "args": $(quoted "$@"), "env": [$variables], "volumeMounts": [${mounts#,}],
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "${memory}Mi"}},
    "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}}]}}
P
status() { kubectl -n "$namespace" get pod "$pod" -o "jsonpath={.status$1}"; }
until [ "$(status .phase)" != Pending ]; do
  waiting=$(status '.containerStatuses[0].state.waiting.reason')
  case $waiting in ErrImagePull | ImagePullBackOff | CreateContainerConfigError | InvalidImageName)
    echo "$waiting: $(status '.containerStatuses[0].state.waiting.message')" >&2; exit 1 ;;
  esac
  sleep 0.5
done
kubectl -n "$namespace" logs --follow "$pod"
while
  phase=$(status .phase) code=$(status '.containerStatuses[0].state.terminated.exitCode')
  [ -z "$code" ]
do
  [ "$phase" != Failed ] || { echo "the pod was ended: $(status .reason) $(status .message)" >&2; exit 1; }
  sleep 0.5
done
reason=$(status '.containerStatuses[0].state.terminated.reason')
case $reason in Completed | Error) ;; *) echo "the container was ended: $reason (its limit is $memory MiB of memory)" >&2 ;; esac
exit "$code"
