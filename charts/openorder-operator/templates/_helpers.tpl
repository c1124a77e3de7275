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
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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

{{/* 80 % of the memory limit, for GOMEMLIMIT; empty where there is none. */}}
{{- define "operator.goMemLimit" -}}
{{- with dig "limits" "memory" "" .Values.resources }}
{{- $limit := ternary (int64 .) . (kindIs "float64" .) | toString }}
{{- $unit := regexFind "[a-zA-Z]*$" $limit }}
{{- with get (dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit }}
{{- divf (mulf (trimSuffix $unit $limit | float64) . 0.8) 1048576 | floor | int64 }}MiB
{{- end }}
{{- end }}
{{- end }}

{{- define "operator.env" -}}
- {name: LOG_FORMAT, value: json}
- {name: LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- with include "operator.goMemLimit" . }}
- {name: GOMEMLIMIT, value: {{ . }}}
{{- end }}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: KAFKA_BROKERS, value: {{ include "operator.brokers" . | quote }}}
{{- if .Values.kafka.tls.enabled }}
- {name: KAFKA_TLS_CA_FILE, value: /etc/openorder/kafka-ca/ca.crt}
{{- end }}
{{- if .Values.kafka.sasl.enabled }}
- {name: KAFKA_SASL_MECHANISM, value: {{ .Values.kafka.sasl.mechanism }}}
- {name: KAFKA_SASL_USERNAME, value: {{ .Values.kafka.sasl.username | quote }}}
- {name: KAFKA_SASL_PASSWORD_FILE, value: /etc/openorder/kafka/password}
{{- end }}
{{- end }}

{{/* sweepInterval in seconds. */}}
{{- define "operator.sweepInterval" -}}
{{- $start := toDate "2006-01-02" "2000-01-01" }}
{{- sub ($start | dateModify .Values.sweepInterval | unixEpoch | int64) ($start | unixEpoch | int64) }}
{{- end }}

{{/* The bound in seconds on the age of the last sweep: ten minutes, or five sweeps where these take longer. */}}
{{- define "operator.sweepBound" -}}
{{- max 600 (mul 5 (include "operator.sweepInterval" . | int64)) }}
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
{{- if lt (include "operator.sweepInterval" . | int64) 1 }}
{{- $problems = append $problems (printf "sweepInterval: %s is less than 1s" .Values.sweepInterval) }}
{{- end }}
{{- $named := list }}
{{- if .Values.kafka.tls.enabled }}{{ $named = append $named (dict "at" "kafka.tls.caSecret" "secret" .Values.kafka.tls.caSecret "key" .Values.kafka.tls.caKey) }}{{ end }}
{{- if .Values.kafka.sasl.enabled }}{{ $named = append $named (dict "at" "kafka.sasl.existingSecret" "secret" .Values.kafka.sasl.existingSecret "key" .Values.kafka.sasl.passwordKey) }}{{ end }}
{{- range $use := $named }}
{{- if .secret }}
{{- with lookup "v1" "Secret" $.Release.Namespace .secret }}
{{- $has := keys (default dict .data) | sortAlpha }}
{{- if not (has $use.key $has) }}
{{- $problems = append $problems (printf "%s: Secret %s has no key %s; it has %s" $use.at $use.secret $use.key (join ", " $has)) }}
{{- end }}
{{- end }}
{{- end }}
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
