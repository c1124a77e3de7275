package reconcile_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

func TestBadInputIsRefusedWithASentence(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		cases := map[string]struct{ spec, condition, correction string }{
			"list":     {`{config: {cleanup.policy: [compact]}}`, "False Invalid: config cleanup.policy is a list", `{spec: {config: {cleanup.policy: compact}}}`},
			"object":   {`{config: {retention.ms: {days: 7}}}`, "False Invalid: config retention.ms is an object", `{spec: {config: {retention.ms: 7}}}`},
			"brokers":  {`{replicas: 99}`, "False NotEnoughBrokers: spec.replicas is 99 and there ", `{spec: {replicas: 1}}`},
			"replicas": {`{config: {replication.factor: 3}}`, "False Invalid: config replication.factor: write spec.replicas instead.", `{spec: {config: null}}`},
		}
		if strings.HasSuffix(t.Name(), "/kafka") { // the embedded broker takes all of these
			cases["huge"] = struct{ spec, condition, correction string }{`{partitions: 10000000}`, "False Refused: The brokers refuse it. ", `{spec: {partitions: 2}}`}
			cases["key"] = struct{ spec, condition, correction string }{`{config: {retention.mss: 1}}`, "False Refused: The brokers refuse it. INVALID_CONFIG: Unknown topic config name: retention.mss", `{spec: {config: null}}`}
			cases["range"] = struct{ spec, condition, correction string }{`{config: {retention.ms: -7}}`, "False Refused: The brokers refuse it. INVALID_CONFIG", `{spec: {config: {retention.ms: 7}}}`}
			cases["word"] = struct{ spec, condition, correction string }{`{config: {cleanup.policy: shred}}`, "False Refused: The brokers refuse it. INVALID_CONFIG", `{spec: {config: {cleanup.policy: delete}}}`}
		}
		for name, c := range cases {
			b.apply(name, c.spec)
		}
		for name, c := range cases {
			got := b.until(name, c.condition)
			if passes := strings.Contains(c.condition, "NotEnoughBrokers"); stalled(got) == passes {
				t.Errorf("%s: stalled %v", name, stalled(got))
			}
			if name != "brokers" {
				b.untilEvents(name, "Refused")
			}
		}
		b.rest() // some sweeps try again, and say nothing new
		for name, c := range cases {
			b.change(name, c.correction)
			if got := b.until(name, "True Synced"); stalled(got) {
				t.Errorf("%s: stalled still", name)
			}
		}
	})
}

func TestARefusedChangeOfATopicThatIsThere(t *testing.T) {
	b := setup(t, testenv.RealKafka(t))
	testenv.CreateTopics(t, b.brokers, 1, "orders")
	b.set("orders", "retention.ms", "77")
	b.apply("orders", `{partitions: 3, config: {retention.ms: -7}}`)
	got := b.until("orders", "False Refused")
	if b.topic("orders").Partitions != 3 {
		t.Error("a step that fails keeps no other back")
	}
	if len(got.Status.ConfigKeys) != 0 {
		t.Errorf("keys enforced: %v", got.Status.ConfigKeys)
	}
	b.change("orders", `{spec: {config: null}}`)
	b.until("orders", "True Synced")
	if v := b.value("orders", "retention.ms"); v != "77" {
		t.Errorf("a key that was never set by the controller was reset: %s", v)
	}
	b.change("orders", `{spec: {partitions: 10000000}}`) // which would stop a real cluster's controller
	b.until("orders", "False NotSupported")
	b.change("orders", `{spec: {partitions: 3}}`)
	b.until("orders", "True Synced")
}

func TestADeletionThatCannotBeDoneSaysSoAndCanBeGivenUp(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault  *kerr.Error
		reason string
	}{
		"switched off":   {kerr.TopicDeletionDisabled, "DeletionDisabled"},
		"no right":       {kerr.TopicAuthorizationFailed, "NotAuthorized"},
		"refused":        {kerr.PolicyViolation, "Refused"},
		"not the leader": {kerr.NotController, "Waiting"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, brokers := testenv.FakeKafka(t)
			b := setup(t, brokers)
			b.apply("kept", `{deletionPolicy: Delete}`)
			b.apply("gone", `{deletionPolicy: Delete}`)
			b.until("kept", "True")
			b.until("gone", "True")
			fault := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteTopics}, Err: c.fault, Count: -1})
			b.delete("kept")
			b.delete("gone")
			stuck := b.until("kept", "False "+c.reason)
			if stalled(stuck) || !strings.Contains(ready(stuck), `"deletionPolicy":"Retain"`) {
				t.Errorf("got %s", ready(stuck))
			}
			b.change("kept", `{spec: {deletionPolicy: Retain}}`)
			b.untilGone("kept")
			if b.topic("kept") == nil {
				t.Error("the topic is kept")
			}
			fault.Remove()
			b.untilGone("gone")
			if b.topic("gone") != nil {
				t.Error("the topic is deleted once the brokers let it")
			}
		})
	}
}

// A deletion left out of the answer (Redpanda, for want of rights) is no success.
func TestATopicMissingFromADeletesAnswerIsNotDeleted(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.apply("orders", `{deletionPolicy: Delete}`)
	b.until("orders", "True")
	fake.ControlKey(int16(kmsg.DeleteTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		return req.ResponseKind(), nil, true
	})
	b.delete("orders")
	b.until("orders", "False Waiting: The topic cannot be deleted yet.")
	if b.topic("orders") == nil || b.get("orders") == nil {
		t.Error("neither is gone")
	}
}

func TestACreateThatTimedOutButSucceededIsRecognised(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{partitions: 3, deletionPolicy: Delete}`)
	if made := b.until("orders", "True Synced"); !made.Status.Created {
		t.Errorf("it is ours: %+v", made.Status)
	}
	b.untilEvents("orders", "Created")
	if n := b.gate.writes(); n != 2 {
		t.Errorf("%d writes", n)
	}
}

func TestThrottlingIsHonoured(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.ThrottlingQuotaExceeded, Count: 2})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{}`)
	b.until("orders", "True Synced")
	if n := b.gate.writes(); n != 1 {
		t.Errorf("%d writes: nothing is said of what passes within five seconds", n)
	}
}

func TestARightThatIsMissingIsSaidAndWaitedFor(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fault := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{}`)
	if got := b.until("orders", "False NotAuthorized: The controller's Kafka user lacks a right on the topic orders"); stalled(got) {
		t.Error("it goes on by itself")
	}
	fault.Remove()
	b.until("orders", "True Synced")
}

// With its own login on the real cluster's listener with ACLs: nothing may be seen, then seen, then made.
func TestRightsGrantedLaterOnARealCluster(t *testing.T) {
	secure, admin := testenv.SecureKafka(t, "controller-"+strconv.FormatInt(time.Now().UnixNano(), 36), "secret")
	b := setup(t, secure)
	b.admin = testenv.Admin(t, admin)
	b.wire = wireClient(t, admin)
	b.apply("orders", `{partitions: 2, deletionPolicy: Delete}`)
	// No such user yet: an outage, that says so after 30 s.
	b.untilWithin(45*time.Second, "orders", "False BrokersUnavailable")
	b.login(secure)
	b.until("orders", "False NotAuthorized")
	b.grant(secure.SASLUsername, "orders")
	b.until("orders", "True Synced")
	b.delete("orders")
	b.untilGone("orders")
	if b.topic("orders") != nil {
		t.Error("the topic is there still")
	}
}

func TestAnOutageChangesNoSettledResource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	up := func(ports ...int) (*kfake.Cluster, kafka.Config) {
		options := []kfake.Opt{kfake.DataDir(dir)}
		if len(ports) > 0 {
			options = append(options, kfake.Ports(ports...))
		}
		return testenv.FakeKafka(t, options...)
	}
	fake, brokers := up()
	b := setup(t, brokers)
	b.apply("settled", `{partitions: 2}`)
	b.apply("refused", `{config: {retention.ms: []}}`)
	b.apply("changed", `{partitions: 2}`)
	before := b.until("settled", "True Synced").ResourceVersion
	refused := b.until("refused", "False Invalid").ResourceVersion
	b.until("changed", "True Synced")
	fake.Close()
	b.crash() // nothing of it at start either
	started := time.Now()
	b.change("changed", `{spec: {partitions: 4}}`)
	b.apply("new", `{}`)
	for _, name := range []string{"changed", "new"} {
		got := b.untilWithin(50*time.Second, name, "False BrokersUnavailable")
		if waited := time.Since(started); waited < 29*time.Second || stalled(got) {
			t.Errorf("%s says so after %s", name, waited)
		}
	}
	if b.get("settled").ResourceVersion != before || b.get("refused").ResourceVersion != refused {
		t.Error("an outage changed a settled resource")
	}
	port, err := strconv.Atoi(brokers.Brokers[strings.LastIndex(brokers.Brokers, ":")+1:])
	b.must(err)
	up(port)
	b.until("changed", "True Synced")
	b.until("new", "True Synced")
	if b.get("settled").ResourceVersion != before {
		t.Error("an outage changed a settled resource")
	}
}

// One resource that another version of the definition wrote must neither stop the others nor be touched.
func TestAResourceThatAnotherVersionWrote(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	config := kubetest.Dedicated(t, loose(t))
	b := setupOn(t, config, brokers)
	b.halt()
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

// A change in the lease's or anybody else's hands meanwhile is met by another pass, never by force.
func TestAStatusNeverOverwritesAChange(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, seldom)
	changed := false
	b.gate.on(func(what string) {
		if what == "status" && !changed {
			changed = true
			b.change("orders", `{metadata: {labels: {team: a}}, spec: {partitions: 5}}`)
		}
	})
	b.apply("orders", `{partitions: 2}`)
	got := b.until("orders", "True Synced")
	if got.Status.Partitions != 5 || !got.Status.Created {
		t.Errorf("the status: %+v", got.Status)
	}
}
