{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{/* Names of cluster-scoped resources carry the namespace, so that two releases of one name can live in a cluster. */}}
{{- define "operator.clusterName" -}}
{{ .Release.Namespace }}-{{ include "operator.fullname" . }}
{{- end }}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: topic-controller
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/part-of: openorder
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "operator.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}{{ with .Values.image.tag }}:{{ . }}{{ end }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- define "operator.brokers" -}}
{{- $brokers := list }}
{{- range until (int .Values.redpanda.replicas) }}
{{- $brokers = append $brokers (printf "%s-%d.%s.%s.svc:9093" $.Values.redpanda.name . $.Values.redpanda.name $.Release.Namespace) }}
{{- end }}
{{- default (join "," $brokers) .Values.kafka.brokers }}
{{- end }}

{{/* 80 % of the memory limit in Mi or Gi, for GOMEMLIMIT; empty where there is none. */}}
{{- define "operator.goMemLimit" -}}
{{- $limit := dig "limits" "memory" "" .Values.resources | toString }}
{{- if regexMatch "^[0-9]+Mi$" $limit }}{{ div (mul (trimSuffix "Mi" $limit | int) 8) 10 }}MiB
{{- else if regexMatch "^[0-9]+Gi$" $limit }}{{ div (mul (trimSuffix "Gi" $limit | int) 8192) 10 }}MiB{{ end }}
{{- end }}

{{/* Everything that is wrong with the values, all at once. The schema refuses typos. */}}
{{- define "operator.problems" -}}
{{- $problems := list }}
{{- if and .Values.kafka.tls.enabled (not .Values.kafka.tls.caSecret) }}
{{- $problems = append $problems "kafka.tls.caSecret: TLS needs the authorities that sign the brokers' certificates; name their Secret" }}
{{- end }}
{{- if .Values.kafka.sasl.enabled }}
{{- if not .Values.kafka.sasl.username }}{{ $problems = append $problems "kafka.sasl.username: is needed to log in" }}{{ end }}
{{- if not .Values.kafka.sasl.existingSecret }}{{ $problems = append $problems "kafka.sasl.existingSecret: name the Secret with the password" }}{{ end }}
{{- end }}
{{- range .Values.allow }}
{{- if and $.Values.namespaces (not (has .namespace $.Values.namespaces)) }}
{{- $problems = append $problems (printf "allow: namespace %s is not in namespaces" .namespace) }}
{{- end }}
{{- end }}
{{- if and .Values.crds.create (not .Release.IsUpgrade) }}
{{- $crd := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "kafkatopics.kafka.openorder.io" }}
{{- $annotations := dig "metadata" "annotations" dict (default dict $crd) }}
{{- $owner := printf "%s in namespace %s" (get $annotations "meta.helm.sh/release-name") (get $annotations "meta.helm.sh/release-namespace") }}
{{- if and (get $annotations "meta.helm.sh/release-name") (ne $owner (printf "%s in namespace %s" .Release.Name .Release.Namespace)) }}
{{- $problems = append $problems (printf "crds.create: the CustomResourceDefinition comes from release %s already; set crds.create=false, or, where that release is gone, take it over: kubectl annotate crd kafkatopics.kafka.openorder.io --overwrite meta.helm.sh/release-namespace=%s meta.helm.sh/release-name=%s" $owner .Release.Namespace .Release.Name) }}
{{- end }}
{{- end }}
{{- if and (or .Values.monitoring.serviceMonitor.enabled .Values.monitoring.prometheusRule.enabled) .Values.checkCRDs (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor")) }}
{{- $problems = append $problems "monitoring: the cluster lacks prometheus-operator's CRDs; install them with: helm upgrade --install prometheus-operator-crds oci://ghcr.io/prometheus-community/charts/prometheus-operator-crds --version 31.0.1 (to render without a cluster: --set checkCRDs=false)" }}
{{- end }}
{{- toYaml $problems }}
{{- end }}
