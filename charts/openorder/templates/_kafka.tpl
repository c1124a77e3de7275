{{/* How the brokers are reached, whoever made them. */}}

{{- define "openorder.kafka.brokers" -}}
{{- if .Values.redpanda.enabled }}
{{- $brokers := list }}
{{- range until (int .Values.redpanda.replicas) }}
{{- $brokers = append $brokers (printf "%s-%d.%s.%s.svc:9093" $.Values.redpanda.name . $.Values.redpanda.name $.Release.Namespace) }}
{{- end }}
{{- join "," $brokers }}
{{- else }}{{ .Values.kafka.brokers }}{{ end }}
{{- end }}

{{/* Non-empty where TLS, or SASL, is used. */}}
{{- define "openorder.kafka.tls" -}}
{{- if ternary .Values.redpanda.tls .Values.kafka.tls.enabled .Values.redpanda.enabled }}yes{{ end }}
{{- end }}

{{- define "openorder.kafka.sasl" -}}
{{- if ternary .Values.redpanda.sasl .Values.kafka.sasl.enabled .Values.redpanda.enabled }}yes{{ end }}
{{- end }}

{{- define "openorder.kafka.mechanism" -}}
{{- ternary "SCRAM-SHA-512" .Values.kafka.sasl.mechanism .Values.redpanda.enabled }}
{{- end }}

{{- define "openorder.kafka.caSecret" -}}
{{- ternary (printf "%s-default-cert" .Values.redpanda.name) .Values.kafka.tls.caSecret .Values.redpanda.enabled }}
{{- end }}

{{- define "openorder.kafka.caKey" -}}
{{- ternary "ca.crt" .Values.kafka.tls.caKey .Values.redpanda.enabled }}
{{- end }}

{{/* Environment of a client. Takes a dict of root, name and settings. */}}
{{- define "openorder.kafka.env" -}}
- {name: KAFKA_BROKERS, value: {{ include "openorder.kafka.brokers" .root | quote }}}
{{- if include "openorder.kafka.tls" .root }}
- {name: KAFKA_TLS_CA_FILE, value: /etc/openorder/kafka-ca/ca.crt}
{{- end }}
{{- if include "openorder.kafka.sasl" .root }}
- {name: KAFKA_SASL_MECHANISM, value: {{ include "openorder.kafka.mechanism" .root }}}
- {name: KAFKA_SASL_USERNAME, value: {{ include "openorder.kafka.username" . | quote }}}
- {name: KAFKA_SASL_PASSWORD_FILE, value: /etc/openorder/kafka/password}
{{- end }}
{{- end }}

{{/* Volumes of a client. Each is optional: what is not there yet is waited for by the process, which says so. */}}
{{- define "openorder.kafka.volumes" -}}
{{- if include "openorder.kafka.tls" .root }}
- name: kafka-ca
  secret:
    secretName: {{ include "openorder.kafka.caSecret" .root }}
    optional: true
    items: [{key: {{ include "openorder.kafka.caKey" .root }}, path: ca.crt}]
{{- end }}
{{- if include "openorder.kafka.sasl" .root }}
- name: kafka
  secret:
    secretName: {{ include "openorder.kafka.secret" . }}
    optional: true
    items: [{key: {{ .settings.kafka.passwordKey }}, path: password}]
{{- end }}
{{- end }}

{{- define "openorder.kafka.mounts" -}}
{{- if include "openorder.kafka.tls" . }}
- {name: kafka-ca, mountPath: /etc/openorder/kafka-ca, readOnly: true}
{{- end }}
{{- if include "openorder.kafka.sasl" . }}
- {name: kafka, mountPath: /etc/openorder/kafka, readOnly: true}
{{- end }}
{{- end }}
