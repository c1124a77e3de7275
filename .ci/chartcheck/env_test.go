package chartcheck

import (
	"strings"
	"testing"
)

// Server-side apply, which Helm 4 uses, refuses a container with two variables of a name.
func TestNoVariableIsSetTwice(t *testing.T) {
	t.Parallel()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := map[string]string{"default": "allInOne.", "operator": ""}[strings.Split(name, "-")[0]]
			if at == "" && !strings.HasPrefix(name, "operator") {
				at = "defaults."
			}
			p.set = []string{at + `extraEnv=[{"name":"LOG_LEVEL","value":"warn"},{"name":"GOMEMLIMIT","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]`}
			for _, pod := range pods(p.resources(t)) {
				for _, container := range list(pod.spec, "containers") {
					env := variables(t, pod.owner, container)
					if len(env) > 0 && (text(env["LOG_LEVEL"], "value") != "warn" || env["GOMEMLIMIT"]["value"] != nil) {
						t.Errorf("%s: extraEnv came second: %s", pod.owner, compact(env))
					}
				}
			}
		})
	}
}

func TestGoKnowsFourFifthsOfTheMemoryLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]string{"500M": "381MiB", "320Mi": "256MiB", "1.5Gi": "1228MiB", "2G": "1525MiB", `"104857600"`: "80MiB", "1048576000": "800MiB", "null": ""} {
		for chart, path := range map[string]string{"openorder": "allInOne.resources", "openorder-operator": "resources"} {
			t.Run(chart+" "+limit, func(t *testing.T) {
				t.Parallel()
				for _, pod := range pods(profile{chart: root + "/charts/" + chart, set: []string{path + ".limits.memory=" + limit}}.resources(t)) {
					for _, container := range list(pod.spec, "containers") {
						if env := variables(t, pod.owner, container); len(env) > 0 && text(env["GOMEMLIMIT"], "value") != want {
							t.Errorf("%s: GOMEMLIMIT is %q, want %q", pod.owner, text(env["GOMEMLIMIT"], "value"), want)
						}
					}
				}
			})
		}
	}
}

// An audit of some 100,000 orders sorts more than /tmp holds, which is memory.
func TestWhatAnAuditSortsGoesToTheVolume(t *testing.T) {
	t.Parallel()
	pod := pods(ofKind(profile{chart: root + "/charts/openorder"}.resources(t), "StatefulSet"))[0]
	container := list(pod.spec, "containers")[0]
	folder := text(variables(t, pod.owner, container)["TMPDIR"], "value")
	for _, mount := range list(container, "volumeMounts") {
		if text(mount, "name") == "data" && text(mount, "mountPath") == folder {
			return
		}
	}
	t.Errorf("TMPDIR is %q", folder)
}

func TestTheAllInOneTellsWebhooks(t *testing.T) {
	t.Parallel()
	resources := profile{chart: root + "/charts/openorder", set: []string{
		`notification.webhookURLs=["http://hook.shop:8090"]`, "notification.webhookSecret=webhook", "notification.webhookAllowPrivate=true",
	}}.resources(t)
	pod := pods(ofKind(resources, "StatefulSet"))[0]
	container := list(pod.spec, "containers")[0]
	env := variables(t, pod.owner, container)
	for name, want := range map[string]string{"WEBHOOK_URLS": "http://hook.shop:8090", "WEBHOOK_ALLOW_PRIVATE": "true", "WEBHOOK_SECRET_FILE": "/etc/openorder/webhook/secret"} {
		if got := text(env[name], "value"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for want, where := range map[string]any{
		`{"mountPath":"/etc/openorder/webhook","name":"webhook","readOnly":true}`:                                         at(container, "volumeMounts"),
		`{"name":"webhook","secret":{"items":[{"key":"secret","path":"secret"}],"optional":true,"secretName":"webhook"}}`: at(pod.spec, "volumes"),
	} {
		if !strings.Contains(compact(where), want) {
			t.Errorf("%s is not in %s", want, compact(where))
		}
	}
}

// variables of a container, by name.
func variables(t *testing.T, owner string, container any) map[string]map[string]any {
	t.Helper()
	env := map[string]map[string]any{}
	for _, variable := range list(container, "env") {
		name := text(variable, "name")
		if env[name] != nil {
			t.Errorf("%s: %s is set twice", owner, name)
		}
		env[name], _ = variable.(map[string]any)
	}
	return env
}
