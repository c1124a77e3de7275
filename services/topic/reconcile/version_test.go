package reconcile_test

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// One resource that another version of the definition wrote must neither stop the others nor be touched.
func TestAResourceThatAnotherVersionWrote(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	config := kubetest.Dedicated(t, loose(t)).Config
	b := setupOn(t, config, brokers)
	b.apply("known", `{partitions: 2, deletionPolicy: Delete, managementPolicy: Manage}`)
	made := b.until("known", "True Synced").Status
	b.halt()
	status := client.RawPatch(types.MergePatchType, []byte(`{"status": {"conditions": {"Ready": "yes"}}}`))
	b.must(b.Status().Patch(t.Context(), b.get("known"), status))
	foreign := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"partitions": "many", "deletionPolicy": "Archive"}}}
	foreign.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	foreign.SetNamespace(b.namespace)
	foreign.SetName("foreign")
	b.must(b.Create(t.Context(), foreign))
	kubetest.Install(t, config, kubetest.Definitions())
	b.start()
	b.apply("orders", `{}`)
	b.until("orders", "True Synced")
	if got := b.until("foreign", "False Invalid: the specification was written for another version"); !stalled(got) {
		t.Error("it needs somebody")
	}
	if known := b.until("known", "True Synced").Status; known.TopicID != made.TopicID || !known.Created {
		t.Errorf("which topic is whose can be read: %+v", known)
	}
	b.delete("foreign")
	b.untilGone("foreign")
}

// loose is the definition without its schema's rules, as another version might be.
func loose(t *testing.T) string {
	t.Helper()
	path := filepath.Join(kubetest.Definitions(), "kafka.openorder.io_kafkatopics.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var definition map[string]any
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	version := definition["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	version["schema"] = map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
	text, err = yaml.Marshal(definition)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "crd.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
