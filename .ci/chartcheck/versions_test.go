package chartcheck

import (
	"regexp"
	"strings"
	"testing"
)

// releases are what a stack needs beside the charts, at the versions that it was checked against: after the name, by flag or
// in a URL, every file that installs one says this version.
var releases = map[string]string{
	"charts/cert-manager":                     "v1.21.1",
	"https://charts.redpanda.com":             "26.2.2",
	"https://cloudnative-pg.github.io/charts": "0.29.0",
	"https://kedacore.github.io/charts":       "2.20.2",
	"charts/prometheus-operator-crds":         "31.0.1",
	"charts/kube-prometheus-stack":            "88.5.3",
	"gateway-api/releases/download/":          "v1.6.3",
}

func TestOperatorsAreInstalledAtOneVersion(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`^[^&|]{0,120}?(?:--version[ =]|/download/)(v?[0-9.]+[0-9])`)
	named := map[string]bool{}
	for _, file := range []string{
		"Tiltfile", "k8s/README.md", "k8s/operators/redpanda.yaml", "k8s/operators/cloudnative-pg.yaml",
		"k8s/operators/kube-prometheus-stack.yaml", "charts/openorder/templates/_validate.tpl", "services/cluster/missing.go",
	} {
		text := document(t, file)
		for name, want := range releases {
			for _, after := range strings.Split(text, name)[1:] {
				if strings.HasSuffix(name, "/download/") {
					after = "/download/" + after
				}
				found := version.FindStringSubmatch(after)
				if found == nil || found[1] != want {
					t.Errorf("%s: %s is installed as %q, want version %s", file, name, found, want)
				}
				named[name] = true
			}
		}
	}
	for name := range releases {
		if !named[name] {
			t.Errorf("nobody installs %s", name)
		}
	}
}

// Its webhooks refuse our resources until it runs: who installs it waits for it. Tilt does so by itself.
func TestCloudNativePGIsWaitedFor(t *testing.T) {
	t.Parallel()
	commands := regexp.MustCompile(`helm upgrade --install cnpg [^"|]*?--create-namespace([^"|\n]*)`)
	for _, file := range []string{"k8s/README.md", "k8s/operators/cloudnative-pg.yaml", "charts/openorder/templates/_validate.tpl", "services/cluster/missing.go"} {
		found := commands.FindAllStringSubmatch(document(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s does not install it", file)
		}
		for _, command := range found {
			if !strings.Contains(command[1], " --wait") {
				t.Errorf("%s: %s", file, command[0])
			}
		}
	}
}
