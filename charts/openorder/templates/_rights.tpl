{{/*
The rights of each Kafka User, as Redpanda's ACLs: exactly the topics and groups that it uses. A producer also needs
IdempotentWrite on the cluster. Takes a dict of root and name (order, inventory, notification, keda, topic-controller,
tools).
*/}}
{{- define "openorder.rights" -}}
{{- $root := .root }}
{{- if eq .name "order" }}
{{ include "openorder.rights.topic" (list "order.created" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.reserved" "Read" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.rejected" "Read" "Describe") }}
{{ include "openorder.rights.topic" (list "order.created.DLT" "Read" "Write" "Describe") }}
{{ include "openorder.rights.group" (list "order-service" "Read" "Describe") }}
{{ include "openorder.rights.cluster" (list "IdempotentWrite") }}
{{- else if eq .name "inventory" }}
{{ include "openorder.rights.topic" (list "order.created" "Read" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.reserved" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.rejected" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "order.created.DLT" "Write" "Describe") }}
{{ include "openorder.rights.group" (list "inventory-service" "Read" "Describe") }}
{{ include "openorder.rights.cluster" (list "IdempotentWrite") }}
{{- else if eq .name "notification" }}
{{ include "openorder.rights.topic" (list "inventory.reserved" "Read" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.rejected" "Read" "Describe") }}
{{ include "openorder.rights.topic" (list "order.created.DLT" "Read" "Write" "Describe") }}
{{ include "openorder.rights.group" (list "notification-service" "Read" "Describe") }}
{{ include "openorder.rights.cluster" (list "IdempotentWrite") }}
{{- else if eq .name "keda" }}
{{- range $service, $_ := include "openorder.ports" $root | fromYaml }}
{{- $settings := include "openorder.settings" (dict "root" $root "name" $service) | fromYaml }}
{{- if eq $settings.autoscaling.type "keda" }}
{{- range include "openorder.consumes" $service | fromYamlArray }}
{{ include "openorder.rights.topic" (list . "Describe") }}
{{- end }}
{{ include "openorder.rights.group" (list (printf "%s-service" $service) "Describe") }}
{{- end }}
{{- end }}
{{- else if eq .name "topic-controller" }}
{{- range $root.Values.controller.prefixes }}
- {type: allow, resource: {type: topic, name: {{ . | quote }}, patternType: prefixed}, operations: [Create, Delete, Alter, AlterConfigs, Describe, DescribeConfigs]}
{{- end }}
{{ include "openorder.rights.cluster" (list "Describe") }}
{{- else if eq .name "tools" }}
{{- /* openorder dlt, audit and redrive: read everything of the pipeline, write back what is redriven. */}}
{{ include "openorder.rights.topic" (list "order.created" "Read" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.reserved" "Read" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "inventory.rejected" "Read" "Write" "Describe") }}
{{ include "openorder.rights.topic" (list "order.created.DLT" "Read" "Describe" "DescribeConfigs") }}
{{ include "openorder.rights.topic" (list "order.created.DLT.redrives" "Read" "Write" "Create" "Describe" "DescribeConfigs") }}
{{- range list "order-service" "inventory-service" "notification-service" }}
{{ include "openorder.rights.group" (list . "Describe") }}
{{- end }}
- {type: allow, resource: {type: transactionalId, name: openorder-redrive-, patternType: prefixed}, operations: [Write, Describe]}
{{ include "openorder.rights.cluster" (list "IdempotentWrite" "Describe") }}
{{- end }}
{{- end }}

{{- define "openorder.rights.topic" -}}
- {type: allow, resource: {type: topic, name: {{ first . }}}, operations: [{{ rest . | join ", " }}]}
{{- end }}

{{- define "openorder.rights.group" -}}
- {type: allow, resource: {type: group, name: {{ first . }}}, operations: [{{ rest . | join ", " }}]}
{{- end }}

{{- define "openorder.rights.cluster" -}}
- {type: allow, resource: {type: cluster, name: ""}, operations: [{{ join ", " . }}]}
{{- end }}

{{/* The topics that a service's group consumes. */}}
{{- define "openorder.consumes" -}}
{{- if eq . "inventory" }}[order.created]{{ else }}[inventory.reserved, inventory.rejected, order.created.DLT]{{ end }}
{{- end }}

{{/* Names of all Kafka Users that the chart makes on its own brokers, as a YAML list. */}}
{{- define "openorder.kafka.users" -}}
{{- if and (eq .Values.mode "services") .Values.redpanda.enabled .Values.redpanda.sasl -}}
[order, inventory, notification
{{- if include "openorder.keda" . }}, keda{{ end }}
{{- if .Values.controller.kafkaUser }}, topic-controller, tools{{ end }}]
{{- else }}[]{{ end }}
{{- end }}

{{/* Non-empty when a service scales by KEDA. */}}
{{- define "openorder.keda" -}}
{{- if eq .Values.mode "services" }}
{{- range $name, $_ := include "openorder.ports" . | fromYaml }}
{{- $settings := include "openorder.settings" (dict "root" $ "name" $name) | fromYaml }}
{{- if eq $settings.autoscaling.type "keda" }}{{ $name }} {{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "openorder.user.name" -}}
{{- if eq .name "keda" }}{{ default (printf "%s-keda" (include "openorder.fullname" .root)) .root.Values.kafka.keda.username }}
{{- else if has .name (list "topic-controller" "tools") }}{{ include "openorder.fullname" .root }}-{{ .name }}
{{- else }}{{ include "openorder.kafka.username" (dict "root" .root "name" .name "settings" (include "openorder.settings" . | fromYaml)) }}{{ end }}
{{- end }}

{{- define "openorder.user.secret" -}}
{{- if eq .name "keda" }}{{ default (printf "%s-keda-kafka" (include "openorder.fullname" .root)) .root.Values.kafka.keda.existingSecret }}
{{- else if has .name (list "topic-controller" "tools") }}{{ include "openorder.fullname" .root }}-{{ .name }}-kafka
{{- else }}{{ include "openorder.kafka.secret" (dict "root" .root "name" .name "settings" (include "openorder.settings" . | fromYaml)) }}{{ end }}
{{- end }}

{{- define "openorder.user.key" -}}
{{- if has .name (list "keda" "topic-controller" "tools") }}password
{{- else }}{{ (include "openorder.settings" . | fromYaml).kafka.passwordKey }}{{ end }}
{{- end }}
