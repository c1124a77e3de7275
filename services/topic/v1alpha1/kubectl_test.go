package v1alpha1_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
)

// kubectl is kubectl on the package's API server, in a namespace. It returns what was printed, and whether it went well.
func kubectl(t *testing.T, namespace string) func(arguments ...string) (string, bool) {
	t.Helper()
	kubeconfig := kubetest.Kubeconfig(t, kubetest.APIServer(t))
	return func(arguments ...string) (string, bool) {
		t.Helper()
		command := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"),
			append([]string{"--kubeconfig", kubeconfig, "--cache-dir", t.TempDir(), "-n", namespace}, arguments...)...)
		out, err := command.CombinedOutput()
		return string(out), err == nil
	}
}

func TestExplainTellsOfEachFieldItsDefaultAndWhatAChangeDoes(t *testing.T) {
	t.Parallel()
	run := kubectl(t, "default")
	fields := map[string][]string{ // what must be said beside the default
		"topicName":        {"249", "cannot be changed"},
		"partitions":       {"at least 1", "cannot be lowered"},
		"replicas":         {"number of brokers", "Changed, Redpanda moves"},
		"config":           {"milliseconds", "bytes", "taken out goes back"},
		"deletionPolicy":   {"Retain", "May be changed at any time"},
		"managementPolicy": {"Observe", "Pause", "May be changed at any time"},
	}
	var list string
	testenv.Eventually(t, "the API server publishes the definition", func() (ok bool) {
		list, ok = run("explain", "kafkatopics.kafka.openorder.io.spec")
		return ok
	})
	for _, line := range regexp.MustCompile(`(?m)^  (\w+)\t<`).FindAllStringSubmatch(list, -1) {
		if fields[line[1]] == nil {
			t.Errorf("this test knows no field %s", line[1])
		}
	}
	for field, says := range fields {
		text, ok := run("explain", "kafkatopics.kafka.openorder.io.spec."+field)
		text = strings.Join(strings.Fields(text), " ")
		for _, part := range append(says, "Default:") {
			if !ok || !strings.Contains(text, part) {
				t.Errorf("%s does not say %q: %s", field, part, text)
			}
		}
	}
}

func TestKubectlGetAndWaitJustWork(t *testing.T) {
	t.Parallel()
	namespace := kubetest.Namespace(t)
	api, run := kubetest.Client(t), kubectl(t, namespace)
	topic := manifest(t, namespace, "orders", `{topicName: order.created}`)
	if err := api.Create(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if out, ok := run("wait", "--for=condition=Ready", "kafkatopics.kafka.openorder.io/orders", "--timeout=1s"); ok {
		t.Errorf("it waits for nothing: %s", out)
	}
	topic.Object["status"] = parse(t, `{observedGeneration: 1, topicName: order.created, partitions: 12, replicas: 3, conditions: [
		{type: Ready, status: "True", reason: Synced, message: "The topic is as this resource says.", lastTransitionTime: "2026-01-01T00:00:00Z"}]}`)
	if err := api.Status().Update(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if out, ok := run("wait", "--for=condition=Ready", "kafkatopics.kafka.openorder.io/orders", "--timeout=1m"); !ok {
		t.Error(out)
	}
	for _, name := range []string{"kafka", "kafkatopics.kafka.openorder.io"} { // the category, the long name
		out, _ := run("get", name)
		if !regexp.MustCompile(`NAME +TOPIC +PARTITIONS +REPLICAS +READY +REASON +AGE\s+(\S+/)?orders +order.created +12 +3 +True +Synced +\d`).MatchString(out) {
			t.Errorf("kubectl get %s:\n%s", name, out)
		}
	}
}
