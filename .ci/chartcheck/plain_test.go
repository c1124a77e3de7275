package chartcheck

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// k8s/plain is the chart without values, for `kubectl apply -f` without Helm.
func TestThePlainManifestsAreTheChart(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), helm(), "template", "openorder", root+"/charts/openorder", "--namespace=openorder",
		"--no-hooks", "--kube-version=1.37.0").Output()
	if err != nil {
		t.Fatal(err)
	}
	out = regexp.MustCompile(`(?m)^ *(app\.kubernetes\.io/managed-by|helm\.sh/.*|# Source): .*\n`).ReplaceAll(out, nil)
	out = regexp.MustCompile(`(?m)^ *annotations:\n(spec:)`).ReplaceAll(out, []byte("$1"))
	out = regexp.MustCompile(`\n\s*\n`).ReplaceAll(out, []byte("\n"))
	want := "# The all-in-one without Helm: kubectl apply -n openorder -f k8s/plain/openorder.yaml\n" +
		"# Generated from charts/openorder by `go test -update` in .ci/chartcheck.\n" + string(out)
	file := root + "/k8s/plain/openorder.yaml"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale (go test -update): %s", file, diff)
	}
}
