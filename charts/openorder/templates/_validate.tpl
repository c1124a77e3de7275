{{/* Everything that is wrong with the values, all at once, each with its path and a way out. The schema refuses typos. */}}
{{- define "openorder.problems" -}}
{{- $v := .Values }}
{{- $services := eq $v.mode "services" }}
{{- $problems := list }}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}
{{- $problems = append $problems "httpRoute.parentRefs: names no Gateway" }}
{{- end }}
{{- if and $v.ingress.tlsSecret (not $v.ingress.host) }}
{{- $problems = append $problems "ingress.host: is needed with ingress.tlsSecret" }}
{{- end }}
{{- if and $v.notification.webhookURLs (not $v.notification.webhookSecret) }}
{{- $problems = append $problems "notification.webhookSecret: webhooks are signed; name the Secret with the signing secret (whsec_ and base64 of 24 to 64 bytes)" }}
{{- end }}
{{- $named := list (dict "at" "notification.webhookSecret" "secret" $v.notification.webhookSecret "keys" (list $v.notification.webhookSecretKey)) }}
{{- if not $services }}
{{- range list "redpanda" "postgresql" "topics" "console" }}
{{- if (index $v .).enabled }}{{ $problems = append $problems (printf "%s.enabled: the all-in-one brings its own broker and database; set mode=services" .) }}{{ end }}
{{- end }}
{{- $problems = concat $problems (include "openorder.problems.ignored" . | fromYamlArray) }}
{{- else }}
{{- if and $v.kafka.tls.enabled (not $v.redpanda.enabled) }}
{{- $named = append $named (dict "at" "kafka.tls.caSecret" "secret" $v.kafka.tls.caSecret "keys" (list $v.kafka.tls.caKey)) }}
{{- end }}
{{- if include "openorder.keda" . }}
{{- $named = append $named (dict "at" "kafka.keda.existingSecret" "secret" $v.kafka.keda.existingSecret "keys" (list "username" "password")) }}
{{- end }}
{{- if and $v.redpanda.enabled $v.kafka.brokers }}
{{- $problems = append $problems "kafka.brokers: excludes redpanda.enabled=true; choose one" }}
{{- end }}
{{- if not (or $v.redpanda.enabled $v.kafka.brokers) }}
{{- $problems = append $problems "kafka.brokers: name your brokers (HOST:PORT,...), or set redpanda.enabled=true" }}
{{- end }}
{{- if and (include "openorder.keda" .) (not $v.redpanda.enabled) }}
{{- range $broker := regexSplit " *, *" $v.kafka.brokers -1 }}
{{- $host := splitList ":" $broker | first }}
{{- if and $host (not (contains "." $host)) (not (hasPrefix "[" $host)) }}{{/* an IPv6 address */}}
{{- $problems = append $problems (printf "kafka.brokers: KEDA runs in a namespace of its own, where %s is nobody's name; write %s.%s.svc" $host $host $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.kafka.tls.enabled (not $v.redpanda.enabled) (not $v.kafka.tls.caSecret) }}
{{- $problems = append $problems "kafka.tls.caSecret: TLS needs the authorities that sign the brokers' certificates; name their Secret" }}
{{- end }}
{{- if and $v.console.enabled (not $v.redpanda.enabled) }}
{{- $problems = append $problems "console.enabled: needs redpanda.enabled=true" }}
{{- end }}
{{- if and $v.redpanda.enabled $v.topics.enabled (eq $v.topics.deletionPolicy "Delete") }}
{{- $problems = append $problems "topics.deletionPolicy: Delete is refused where the chart also makes the brokers, since the topics would wait in Terminating for brokers that are gone; use Retain" }}
{{- end }}
{{- if and $v.redpanda.enabled $v.topics.enabled (gt (int $v.topics.replicas) (int $v.redpanda.replicas)) }}
{{- $problems = append $problems (printf "topics.replicas: %d are more than redpanda.replicas has brokers (%d)" (int $v.topics.replicas) (int $v.redpanda.replicas)) }}
{{- end }}
{{- $least := dig "config" "cluster" "minimum_topic_replications" (ternary 3 1 (ge (int $v.redpanda.replicas) 3)) $v.redpanda.clusterSpec }}
{{- if and $v.redpanda.enabled $v.topics.enabled (lt (int $v.topics.replicas) (int $least)) }}
{{- $problems = append $problems (printf "topics.replicas: %d is below the %d that Redpanda asks for (redpanda.clusterSpec.config.cluster.minimum_topic_replications; 3 from three brokers on)" (int $v.topics.replicas) (int $least)) }}
{{- end }}
{{- if and $v.redpanda.enabled $v.topics.enabled (eq (mod (int $v.topics.replicas) 2) 0) }}
{{- $problems = append $problems "topics.replicas: Redpanda wants an odd number" }}
{{- end }}
{{- if and $v.postgresql.enabled (regexMatch "^(pg|cnpg)_" (include "openorder.database.role" (dict "root" . "name" "order"))) }}
{{- $problems = append $problems (printf "fullnameOverride: PostgreSQL keeps names that begin with pg_ to itself, CloudNativePG those with cnpg_, and the services' roles would begin with %s; set another" (include "openorder.fullname" . | replace "-" "_")) }}
{{- end }}
{{- $sharing := dict }}{{/* services by Kafka user */}}
{{- range $name := include "openorder.kafka.users" . | fromYamlArray }}
{{- $user := include "openorder.user.name" (dict "root" $ "name" $name) }}
{{- $_ := set $sharing $user (append (default list (get $sharing $user)) $name) }}
{{- end }}
{{- range $user, $names := $sharing }}
{{- if rest $names }}
{{- $problems = append $problems (printf "kafka.username: %s and %s are all %s, and each is to have a User with rights of its own; name others in services.NAME.kafka.username, or none" (initial $names | join ", ") (last $names) $user) }}
{{- end }}
{{- end }}
{{- range $name, $_ := include "openorder.ports" . | fromYaml }}
{{- $settings := include "openorder.settings" (dict "root" $ "name" $name) | fromYaml }}
{{- $scale := $settings.autoscaling }}
{{- $at := printf "services.%s" $name }}
{{- if and (ne $scale.type "none") (not (kindIs "invalid" $settings.replicas)) }}
{{- $problems = append $problems (printf "%s.replicas: %d contradicts autoscaling.type=%s, which owns the number of pods; leave replicas null" $at (int $settings.replicas) $scale.type) }}
{{- end }}
{{- if gt (int $scale.minReplicas) (int $scale.maxReplicas) }}
{{- $problems = append $problems (printf "%s.autoscaling.maxReplicas: %d is below minReplicas %d" $at (int $scale.maxReplicas) (int $scale.minReplicas)) }}
{{- end }}
{{- if not (or $v.postgresql.enabled $settings.database.existingSecret) }}
{{- $problems = append $problems (printf "%s.database.existingSecret: name the Secret with the database's URL, or set postgresql.enabled=true" $at) }}
{{- end }}
{{- if and $v.kafka.sasl.enabled (not $v.redpanda.enabled) (not $settings.kafka.existingSecret) }}
{{- $problems = append $problems (printf "%s.kafka.existingSecret: name the Secret with the password of user %s" $at (include "openorder.kafka.username" (dict "root" $ "name" $name "settings" $settings))) }}
{{- end }}
{{- $named = append $named (dict "at" (printf "%s.database" $at) "secret" $settings.database.existingSecret "keys" (concat (list $settings.database.uriKey) (ternary (list "username" "password") list $v.postgresql.enabled))) }}
{{- $named = append $named (dict "at" (printf "%s.kafka" $at) "secret" $settings.kafka.existingSecret "keys" (list $settings.kafka.passwordKey)) }}
{{- end }}
{{- if and (include "openorder.keda" .) $v.kafka.sasl.enabled (not $v.redpanda.enabled) (not $v.kafka.keda.existingSecret) }}
{{- $problems = append $problems "kafka.keda.existingSecret: KEDA needs a login of its own; name a Secret with keys username and password" }}
{{- end }}
{{- end }}
{{- range $use := $named }}
{{- if .secret }}
{{- with lookup "v1" "Secret" $.Release.Namespace .secret }}
{{- $has := keys (default dict .data) | sortAlpha }}
{{- range $key := $use.keys }}
{{- if not (has $key $has) }}
{{- $problems = append $problems (printf "%s: Secret %s has no key %s; it has %s" $use.at $use.secret $key (join ", " $has)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $problems }}
{{- end }}

{{/* What the all-in-one would not look at. */}}
{{- define "openorder.problems.ignored" -}}
{{- $v := .Values }}
{{- $problems := list }}
{{- if or $v.kafka.brokers $v.kafka.tls.enabled $v.kafka.sasl.enabled }}
{{- $problems = append $problems "kafka: the all-in-one brings its own broker; for yours set mode=services" }}
{{- end }}
{{- range $name, $own := $v.services }}
{{- range $key, $_ := omit $own "service" }}
{{- $problems = append $problems (printf "services.%s.%s: the all-in-one is one pod, and of services.%s takes `service` alone; set mode=services" $name $key $name) }}
{{- end }}
{{- end }}
{{- with $v.defaults }}
{{- if not (kindIs "invalid" .replicas) }}{{ $problems = append $problems "defaults.replicas: the all-in-one is one pod; set mode=services" }}{{ end }}
{{- if ne .autoscaling.type "none" }}{{ $problems = append $problems "defaults.autoscaling.type: the all-in-one is one pod; set mode=services" }}{{ end }}
{{- if or .kafka.username .kafka.existingSecret }}{{ $problems = append $problems "defaults.kafka: the all-in-one brings its own broker; set mode=services" }}{{ end }}
{{- if .database.existingSecret }}{{ $problems = append $problems "defaults.database.existingSecret: the all-in-one brings its own databases; set mode=services" }}{{ end }}
{{- if or .image.repository .image.tag .image.digest }}{{ $problems = append $problems "defaults.image: the all-in-one has allInOne.image; or set mode=services" }}{{ end }}
{{- if .extraEnv }}{{ $problems = append $problems "defaults.extraEnv: the all-in-one has allInOne.extraEnv; or set mode=services" }}{{ end }}
{{- end }}
{{- if $v.tracing.endpoint }}{{ $problems = append $problems "tracing.endpoint: the all-in-one sends no traces; set mode=services" }}{{ end }}
{{- toYaml $problems }}
{{- end }}

{{/* A line for each API that the values need and the cluster lacks, with the command that installs it. */}}
{{- define "openorder.missingAPIs" -}}
{{- $v := .Values }}
{{- $services := eq $v.mode "services" }}
{{- $has := .Capabilities.APIVersions }}
{{- $missing := list }}
{{- if and $services $v.redpanda.enabled (not ($has.Has "cluster.redpanda.com/v1alpha2/Redpanda")) }}
{{- $missing = append $missing "the Redpanda operator: helm upgrade --install redpanda-controller operator --repo https://charts.redpanda.com --version 26.2.2 -n redpanda --create-namespace --set crds.enabled=true" }}
{{- end }}
{{- if and $services $v.redpanda.enabled $v.redpanda.tls (not ($has.Has "cert-manager.io/v1/Certificate")) }}
{{- $missing = append $missing "cert-manager: helm upgrade --install cert-manager oci://quay.io/jetstack/charts/cert-manager --version v1.21.1 -n cert-manager --create-namespace --set crds.enabled=true" }}
{{- end }}
{{- if and $services $v.postgresql.enabled (not ($has.Has "postgresql.cnpg.io/v1/Cluster")) }}
{{- $missing = append $missing "the CloudNativePG operator: helm upgrade --install cnpg cloudnative-pg --repo https://cloudnative-pg.github.io/charts --version 0.29.0 -n cnpg-system --create-namespace --wait" }}
{{- end }}
{{- if and $services $v.topics.enabled (not ($has.Has "kafka.openorder.io/v1alpha1/KafkaTopic")) }}
{{- $missing = append $missing (printf "the topic controller: helm upgrade --install openorder-operator oci://ghcr.io/openorder/charts/openorder-operator --version %s -n %s --create-namespace" .Chart.Version .Release.Namespace) }}
{{- end }}
{{- if and (include "openorder.keda" .) (not ($has.Has "keda.sh/v1alpha1/ScaledObject")) }}
{{- $missing = append $missing "KEDA: helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version 2.20.2 -n keda --create-namespace" }}
{{- end }}
{{- if and (or $v.monitoring.serviceMonitor.enabled $v.monitoring.prometheusRule.enabled) (not ($has.Has "monitoring.coreos.com/v1/ServiceMonitor")) }}
{{- $missing = append $missing "prometheus-operator: helm upgrade --install prometheus-operator-crds oci://ghcr.io/prometheus-community/charts/prometheus-operator-crds --version 31.0.1" }}
{{- end }}
{{- if and $v.httpRoute.enabled (not ($has.Has "gateway.networking.k8s.io/v1/HTTPRoute")) }}
{{- $missing = append $missing "the Gateway API: kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml" }}
{{- end }}
{{- toYaml $missing }}
{{- end }}
