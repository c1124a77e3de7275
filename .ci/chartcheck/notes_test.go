package chartcheck

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Before somebody uninstalls, the notes say what stays and what goes: of what is not the release's nothing goes.
func TestTheNotesTellWhatAnUninstallLeaves(t *testing.T) {
	t.Parallel()
	own, brokers := []string{"mode=services", "redpanda.enabled=true", "postgresql.enabled=true"}, []string{"mode=services", "kafka.brokers=kafka:9092", "defaults.database.existingSecret=db"}
	for name, c := range map[string]struct {
		set  []string
		want string
	}{
		"the all-in-one":                   {nil, "the volume stays (keepData)"},
		"the all-in-one, nothing kept":     {[]string{"keepData=false"}, "its data are gone too"},
		"brokers of its own":               {own, "what holds data still runs (keepData)"},
		"brokers of its own, nothing kept": {append([]string{"keepData=false"}, own...), "its data are gone too"},
		"others' brokers":                  {brokers, "nothing of it stays; your brokers and databases keep"},
		"others' brokers, nothing kept":    {append([]string{"keepData=false"}, brokers...), "nothing of it stays; your brokers and databases keep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, after, _ := strings.Cut(notes(t, c.set), "After `helm uninstall openorder -n shop`: ")
			if !strings.HasPrefix(after, c.want) {
				t.Errorf("got %q, want %q", after, c.want)
			}
		})
	}
}

// cert-manager's Secrets outlive their Certificates, and have none of the labels that the other commands ask for.
func TestTheNotesNameTheCertificatesSecrets(t *testing.T) {
	t.Parallel()
	for _, keep := range []string{"true", "false"} {
		for _, tls := range []string{"true", "false"} {
			said := notes(t, []string{"mode=services", "postgresql.enabled=true", "redpanda.enabled=true", "redpanda.name=rp", "redpanda.tls=" + tls, "keepData=" + keep})
			if named := strings.Contains(said, "delete secret --ignore-not-found rp-default-cert rp-default-root-certificate"); named != (tls == "true") {
				t.Errorf("keepData=%s, redpanda.tls=%s: named is %t", keep, tls, named)
			}
		}
	}
}

// notes are what `helm install` would print. Helm 3 asks a cluster even then.
func notes(t *testing.T, set []string) string {
	t.Helper()
	args := []string{"install", "openorder", root + "/charts/openorder", "--namespace=shop", "--dry-run=client", "--set=checkCRDs=false"}
	for _, value := range set {
		args = append(args, "--set="+value)
	}
	command := exec.CommandContext(t.Context(), helm(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG=/dev/null")
	out, err := command.CombinedOutput()
	if err != nil && strings.Contains(string(out), "cluster unreachable") {
		t.Skip("this Helm prints no notes without a cluster")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
