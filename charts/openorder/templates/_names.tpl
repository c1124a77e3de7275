{{/* Names and labels. */}}

{{- define "openorder.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{/* What selects a component's pods. Takes a dict of root and component. */}}
{{- define "openorder.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "openorder.labels" -}}
{{ include "openorder.selectorLabels" . }}
app.kubernetes.io/part-of: openorder
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* On resources that hold data, or without which data cannot be read. */}}
{{- define "openorder.keep" -}}
{{- if .Values.keepData -}}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* An image. Takes a dict of root, name and image (repository, tag, digest). */}}
{{- define "openorder.image" -}}
{{- $repository := default (printf "%s/%s" (trimSuffix "/" .root.Values.image.registry) .name) .image.repository -}}
{{- if .image.digest }}{{ $repository }}{{ with .image.tag }}:{{ . }}{{ end }}@{{ .image.digest }}
{{- else }}{{ $repository }}:{{ coalesce .image.tag .root.Values.image.tag .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The pods' API and admin ports by service. */}}
{{- define "openorder.ports" -}}
order: {http: 8080, admin: 9080}
inventory: {http: 8082, admin: 9082}
notification: {http: 8083, admin: 9083}
{{- end }}

{{/* A service's settings: `defaults`, overridden by `services.NAME`, as YAML. Takes a dict of root and name. */}}
{{- define "openorder.settings" -}}
{{- $own := default dict (index .root.Values.services .name) -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own) | toYaml }}
{{- end }}

{{- define "openorder.postgresql.name" -}}
{{- default (printf "%s-pg" (include "openorder.fullname" .)) .Values.postgresql.name }}
{{- end }}

{{/* The Secret with the authorities that sign PostgreSQL's certificate. */}}
{{- define "openorder.postgresql.caSecret" -}}
{{- dig "certificates" "serverCASecret" (printf "%s-ca" (include "openorder.postgresql.name" .)) .Values.postgresql.clusterSpec }}
{{- end }}

{{/* Users and Secrets of a service. Take a dict of root, name and settings. */}}
{{- define "openorder.kafka.username" -}}
{{- default (printf "%s-%s" (include "openorder.fullname" .root) .name) .settings.kafka.username }}
{{- end }}

{{- define "openorder.kafka.secret" -}}
{{- default (printf "%s-%s-kafka" (include "openorder.fullname" .root) .name) .settings.kafka.existingSecret }}
{{- end }}

{{- define "openorder.database.secret" -}}
{{- default (printf "%s-%s-database" (include "openorder.fullname" .root) .name) .settings.database.existingSecret }}
{{- end }}

{{/* Role and database of a service, the same name. Takes a dict of root and name. */}}
{{- define "openorder.database.role" -}}
{{- printf "%s_%s" (include "openorder.fullname" .root | replace "-" "_") .name }}
{{- end }}
