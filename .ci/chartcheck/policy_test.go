package chartcheck

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Pod Security "restricted", a read-only root, and no token but where a client of the API server runs.
func TestEveryPodIsRestricted(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, p := range pods(resources) {
			checkPod(t, p.owner, p.spec)
			for _, container := range list(p.spec, "containers") {
				if at(container, "securityContext", "readOnlyRootFilesystem") != true {
					t.Errorf("%s: container %s may write to its root", p.owner, text(container, "name"))
				}
				if at(container, "resources", "limits", "memory") == nil || at(container, "resources", "requests", "cpu") == nil {
					t.Errorf("%s: container %s has no memory limit or CPU request", p.owner, text(container, "name"))
				}
			}
			if at(p.spec, "enableServiceLinks") != false {
				t.Errorf("%s: service links are on", p.owner)
			}
			client := strings.HasSuffix(p.owner, "-operator") || strings.HasSuffix(p.owner, "-secrets")
			if at(p.spec, "automountServiceAccountToken") != client {
				t.Errorf("%s: automountServiceAccountToken is %v", p.owner, at(p.spec, "automountServiceAccountToken"))
			}
		}
		for _, redpanda := range ofKind(resources, "Redpanda") {
			for _, part := range []string{"statefulset", "post_install_job"} {
				checkPod(t, redpanda.String()+" "+part, at(redpanda, "spec", "clusterSpec", part, "podTemplate", "spec"))
			}
			if at(redpanda, "spec", "clusterSpec", "tuning", "tune_aio_events") != false {
				t.Errorf("%s: tune_aio_events makes a privileged init container", redpanda)
			}
			if at(redpanda, "spec", "clusterSpec", "statefulset", "initContainers", "setDataDirOwnership", "enabled") != false {
				t.Errorf("%s: setDataDirOwnership runs as root", redpanda)
			}
		}
	})
}

func checkPod(t *testing.T, owner string, spec any) {
	t.Helper()
	if at(spec, "securityContext", "runAsNonRoot") != true || text(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault" {
		t.Errorf("%s: the pod may run as root or without seccomp: %s", owner, compact(at(spec, "securityContext")))
	}
	containers := append(list(spec, "containers"), list(spec, "initContainers")...)
	if len(containers) == 0 {
		t.Errorf("%s: names no container", owner)
	}
	for _, container := range containers {
		c := at(container, "securityContext")
		if at(c, "allowPrivilegeEscalation") != false || compact(at(c, "capabilities", "drop")) != `["ALL"]` || at(c, "privileged") == true {
			t.Errorf("%s: container %s is not restricted: %s", owner, text(container, "name"), compact(c))
		}
	}
	for _, volume := range list(spec, "volumes") {
		if at(volume, "hostPath") != nil {
			t.Errorf("%s: volume %s is of the host", owner, text(volume, "name"))
		}
	}
}

// Where nodes are set apart for the pipeline, every pod of it goes there, its Job and its test too.
func TestEveryPodIsScheduledAsAsked(t *testing.T) {
	t.Parallel()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prefix := "defaults."
			if strings.HasPrefix(name, "operator") {
				prefix = ""
			}
			p.set = []string{
				prefix + `tolerations=[{"key":"pipeline","operator":"Exists"}]`, prefix + `nodeSelector={"pool":"pipeline"}`,
				prefix + `affinity={"nodeAffinity":{}}`, prefix + "priorityClassName=high",
			}
			for _, pod := range pods(p.resources(t)) {
				got := compact([]any{at(pod.spec, "tolerations"), at(pod.spec, "nodeSelector"), at(pod.spec, "affinity"), at(pod.spec, "priorityClassName")})
				if want := `[[{"key":"pipeline","operator":"Exists"}],{"pool":"pipeline"},{"nodeAffinity":{}},"high"]`; got != want {
					t.Errorf("%s is scheduled by %s, want %s", pod.owner, got, want)
				}
			}
		})
	}
}

func TestEveryImageIsPinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z0-9.:/-]+(:v?\d+\.\d+\.\d+[a-z0-9.-]*|@sha256:[0-9a-f]{64})$`)
	each(t, func(t *testing.T, resources []resource) {
		for _, p := range pods(resources) {
			for _, container := range append(list(p.spec, "containers"), list(p.spec, "initContainers")...) {
				if image := text(container, "image"); !pinned.MatchString(image) {
					t.Errorf("%s: image %q is not pinned", p.owner, image)
				}
			}
		}
	})
}

// k8s/openorder.sh runs the tools from the image that a Deployment names: the one of `helm test`, tag, digest, mirror and all.
func TestTheToolsImageIsNamedAsItIs(t *testing.T) {
	t.Parallel()
	for _, image := range []string{`{"tag":"ci"}`, `{"digest":"sha256:` + strings.Repeat("0", 64) + `"}`, `{"repository":"mirror.example.com:5000/tools","tag":"1"}`} {
		p := profiles()["production"]
		p.set = []string{"allInOne.image=" + image}
		resources := p.resources(t)
		test := pods(ofKind(resources, "Pod"))[0]
		want := text(list(test.spec, "containers")[0], "image")
		named := 0
		for _, r := range ofKind(resources, "Deployment") {
			if got := text(r, "metadata", "annotations", "openorder.io/tools-image"); got == want {
				named++
			} else if got != "" {
				t.Errorf("%s names %s, want %s", r, got, want)
			}
		}
		if named != 1 {
			t.Errorf("%d Deployments name %s", named, want)
		}
	}
}

// An audit of many orders keeps within its pod's memory; where it does not, the script says why it ended.
func TestTheToolsKeepWithinTheirMemory(t *testing.T) {
	t.Parallel()
	lines, code := laptop{
		"tr": `exec /usr/bin/tr "$@"`, "sleep": `true`,
		"kubectl": `case "$*" in
			*" create "*) awk '{print}' >&2 ;;
			*tools-image*) echo ghcr.io/openorder/openorder:1 ;;
			*terminated.exitCode*) echo 137 ;;
			*terminated.reason*) echo OOMKilled ;;
			*status.phase*) echo Failed ;;
		esac`,
	}.run(t, "openorder.sh", "shop", "audit")
	said := strings.Join(lines, "\n")
	for _, want := range []string{`{"name":"GOMEMLIMIT","value":"204MiB"}`, `"limits": {"memory": "256Mi"}`, "OOMKilled"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q: %s", want, said)
		}
	}
	if code != 137 {
		t.Errorf("it ended with %d", code)
	}
}

// A Secret that is missing must not keep a process from starting and saying so, and of the brokers' Secret, which holds
// their private key, nothing but the certificate is mounted.
func TestSecretsAreOptionalFilesOfNamedKeys(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, p := range pods(resources) {
			for _, volume := range list(p.spec, "volumes") {
				secret := at(volume, "secret")
				if secret == nil {
					continue
				}
				if at(secret, "optional") != true || len(list(secret, "items")) != 1 {
					t.Errorf("%s: volume %s is required, or mounts whole: %s", p.owner, text(volume, "name"), compact(secret))
				}
			}
			for _, container := range list(p.spec, "containers") {
				for _, variable := range list(container, "env") {
					if at(variable, "valueFrom", "secretKeyRef") != nil {
						t.Errorf("%s: %s reads a Secret that cannot change while it runs", p.owner, text(variable, "name"))
					}
				}
			}
		}
	})
}

// What the release makes cannot be there before its hooks have run.
func TestHooksNeedNothingOfTheRelease(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, r := range ofKind(resources, "Job") {
			if !strings.Contains(text(r, "metadata", "annotations", "helm.sh/hook"), "pre-install") {
				continue
			}
			account := text(r, "spec", "template", "spec", "serviceAccountName")
			for _, other := range ofKind(resources, "ServiceAccount") {
				if other.name() == account && text(other, "metadata", "annotations", "helm.sh/hook") == "" {
					t.Errorf("%s runs as %s, which comes after it", r, other)
				}
			}
			if volumes := list(r, "spec", "template", "spec", "volumes"); len(volumes) > 0 {
				t.Errorf("%s waits for volumes: %s", r, compact(volumes))
			}
		}
	})
}

func TestNoReplicasUnderAnAutoscaler(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, scaler := range ofKind(resources, "HorizontalPodAutoscaler", "ScaledObject") {
			target := text(scaler, "spec", "scaleTargetRef", "name")
			found := slices.IndexFunc(resources, func(r resource) bool { return r.kind() == "Deployment" && r.name() == target })
			if found < 0 {
				t.Errorf("%s scales %s, which does not exist", scaler, target)
			} else if replicas := at(resources[found], "spec", "replicas"); replicas != nil {
				t.Errorf("%s has replicas %v, %s owns them", resources[found], replicas, scaler)
			}
		}
	})
}

func TestClusterScopedNamesCarryTheNamespace(t *testing.T) {
	each(t, func(t *testing.T, resources []resource) {
		for _, r := range ofKind(resources, "ClusterRole", "ClusterRoleBinding", "PriorityClass") {
			if !strings.HasPrefix(r.name(), "shop-") {
				t.Errorf("%s would collide with a second release", r)
			}
		}
	})
}
