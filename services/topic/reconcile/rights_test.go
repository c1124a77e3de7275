package reconcile_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/reconcile"
)

// A life with all that the controller ever asks of the API server, as a user with the rights of config/rbac.
func TestTheGeneratedRightsAreEnough(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, func(o *reconcile.Options) {
		o.LeaderElection, o.LeaseName, o.LeaseNamespace = true, "lease", o.Namespaces[0]
		o.Selector = labels.SelectorFromSet(labels.Set{"cluster": "this"})
	})
	b.halt()
	b.config = kubetest.Controller(t, b.namespace)
	b.start()
	for name, spec := range map[string]string{"gone": `{partitions: 1, deletionPolicy: Delete}`, "kept": `{partitions: 1}`} {
		b.apply(name, spec)
		b.change(name, `{metadata: {labels: {cluster: this}}}`)
		b.until(name, "True Synced")
		b.change(name, `{spec: {config: {retention.ms: 1000}}}`)
		b.until(name, "True Synced")
		b.delete(name)
		b.untilGone(name)
	}
	b.untilEvents("gone", "Created", "ConfigChanged", "Deleted")
	b.untilEvents("kept", "Created", "ConfigChanged", "Retained")
}
