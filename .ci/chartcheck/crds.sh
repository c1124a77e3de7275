#!/usr/bin/env bash
# crds.sh SCHEMAS OUT: gather the CustomResourceDefinitions of everything that the charts render into folder OUT: from SCHEMAS
# (Redpanda's User and Console, CloudNativePG), from their owners' Go modules, from the chart of the topic controller, and a
# stand-in for Redpanda itself, whose clusterSpec is held against its schema by TestRedpandasClusterSpec.
set -euo pipefail
schemas=$1 out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out"

module() { (cd / && GOFLAGS=-mod=mod go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

cp "$schemas"/*.crd.yaml "$out/"
cp "$here/testdata/redpanda.crd.yaml" "$here/../../charts/openorder-operator/files/kafka.openorder.io_kafkatopics.yaml" "$out/"
keda=$(module github.com/kedacore/keda/v2@v2.20.2)
cp "$keda"/config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml "$out/"
prometheus=$(module github.com/prometheus-operator/prometheus-operator@v0.85.0)
cp "$prometheus"/example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml "$out/"
gateway=$(module sigs.k8s.io/gateway-api@v1.6.3)
cp "$gateway"/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml "$out/"
chmod -R u+w "$out"
