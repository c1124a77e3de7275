{{/* What every pod of ours has in common. */}}

{{- define "openorder.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "openorder.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* 80 % of a memory limit, for GOMEMLIMIT; empty where there is none. Takes resources. */}}
{{- define "openorder.goMemLimit" -}}
{{- with dig "limits" "memory" "" . }}
{{- $limit := ternary (int64 .) . (kindIs "float64" .) | toString }}
{{- $unit := regexFind "[a-zA-Z]*$" $limit }}
{{- with get (dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $unit }}
{{- divf (mulf (trimSuffix $unit $limit | float64) . 0.8) 1048576 | floor | int64 }}MiB
{{- end }}
{{- end }}
{{- end }}

{{/* Variables of a container; of two of one name the user's stays. Takes a dict of own, as YAML, and extra. */}}
{{- define "openorder.env" -}}
{{- $given := list }}
{{- range .extra }}{{ $given = append $given .name }}{{ end }}
{{- $env := list }}
{{- range .own | fromYamlArray }}{{ if not (has .name $given) }}{{ $env = append $env . }}{{ end }}{{ end }}
{{- concat $env .extra | toYaml }}
{{- end }}

{{- define "openorder.serviceEnv" -}}
{{ include "openorder.commonEnv" (dict "root" .root "settings" .settings "resources" .settings.resources) }}
{{ include "openorder.kafka.env" . }}
- {name: DATABASE_URL_FILE, value: /etc/openorder/database/url}
{{- if eq .name "notification" }}
{{ include "openorder.webhookEnv" .root }}
{{- end }}
{{- end }}

{{- define "openorder.commonEnv" -}}
- {name: LOG_FORMAT, value: json}
- {name: LOG_LEVEL, value: {{ .settings.logLevel }}}
- {name: DRAIN_DELAY, value: {{ .settings.drainDelay }}}
{{- if .settings.pprof }}
- {name: PPROF, value: "true"}
{{- end }}
{{- with include "openorder.goMemLimit" .resources }}
- {name: GOMEMLIMIT, value: {{ . }}}
{{- end }}
{{- with .root.Values.tracing.endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* Probes on an admin port. Liveness looks at the process alone. Takes the port's name. */}}
{{- define "openorder.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: {{ . }}}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}

{{- define "openorder.scheduling" -}}
{{- with .settings.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .settings.topologySpread }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ if eq . "kubernetes.io/hostname" }}{{ $.settings.topologySpread }}{{ else }}ScheduleAnyway{{ end }}
    labelSelector:
      matchLabels: {{- include "openorder.selectorLabels" (dict "root" $.root "component" $.component) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/* The pod template that the three services share. Takes a dict of root, name, settings and ports. */}}
{{- define "openorder.servicePod" -}}
{{- $labels := dict "root" .root "component" .name -}}
metadata:
  labels:
    {{- include "openorder.labels" $labels | nindent 4 }}
    openorder.io/metrics: "true"
    {{- with .settings.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .settings.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "openorder.fullname" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .settings.terminationGracePeriodSeconds }}
  securityContext: {{- include "openorder.podSecurity" . | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "openorder.scheduling" (dict "root" .root "component" .name "settings" .settings) }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "openorder.image" (dict "root" .root "name" .name "image" .settings.image) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      securityContext: {{- include "openorder.containerSecurity" . | nindent 8 }}
      ports:
        - {name: http, containerPort: {{ .ports.http }}}
        - {name: admin, containerPort: {{ .ports.admin }}}
      env: {{- include "openorder.env" (dict "own" (include "openorder.serviceEnv" .) "extra" .settings.extraEnv) | nindent 8 }}
      {{- include "openorder.probes" "admin" | nindent 6 }}
      {{- with .settings.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: database, mountPath: /etc/openorder/database, readOnly: true}
        {{- if .root.Values.postgresql.enabled }}
        - {name: database-ca, mountPath: /etc/openorder/database-ca, readOnly: true}
        {{- end }}
        {{- if eq .name "notification" }}{{ with include "openorder.webhookMount" .root }}{{ . | nindent 8 }}{{ end }}{{ end }}
        {{- with include "openorder.kafka.mounts" .root }}{{ . | nindent 8 }}{{ end }}
  volumes:
    - name: database
      secret:
        secretName: {{ include "openorder.database.secret" . }}
        optional: true
        items: [{key: {{ .settings.database.uriKey }}, path: url}]
    {{- if .root.Values.postgresql.enabled }}
    - name: database-ca
      secret:
        secretName: {{ include "openorder.postgresql.caSecret" .root }}
        optional: true
        items: [{key: ca.crt, path: ca.crt}]
    {{- end }}
    {{- if eq .name "notification" }}{{ with include "openorder.webhookVolume" .root }}{{ . | nindent 4 }}{{ end }}{{ end }}
    {{- with include "openorder.kafka.volumes" . }}{{ . | nindent 4 }}{{ end }}
{{- end }}

{{- define "openorder.webhookEnv" -}}
{{- with .Values.notification.webhookURLs }}
- {name: WEBHOOK_URLS, value: {{ join "," . | quote }}}
{{- end }}
{{- if .Values.notification.webhookSecret }}
- {name: WEBHOOK_SECRET_FILE, value: /etc/openorder/webhook/secret}
{{- end }}
{{- if .Values.notification.webhookAllowPrivate }}
- {name: WEBHOOK_ALLOW_PRIVATE, value: "true"}
{{- end }}
{{- end }}

{{- define "openorder.webhookMount" -}}
{{- if .Values.notification.webhookSecret -}}
- {name: webhook, mountPath: /etc/openorder/webhook, readOnly: true}
{{- end }}
{{- end }}

{{- define "openorder.webhookVolume" -}}
{{- with .Values.notification }}
{{- if .webhookSecret -}}
- name: webhook
  secret:
    secretName: {{ .webhookSecret }}
    optional: true
    items: [{key: {{ .webhookSecretKey }}, path: secret}]
{{- end }}
{{- end }}
{{- end }}
