package reconcile_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestARightThatIsMissingIsSaidAndWaitedFor(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fault := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	b := setup(t, brokers, seldom)
	began := time.Now()
	b.apply("orders", `{}`)
	if got := b.until("orders", "False NotAuthorized: The controller's Kafka user lacks a right on the topic orders"); stalled(got) || time.Since(began) < 5*time.Second {
		t.Errorf("it goes on by itself, perhaps within 5 s: said after %s", time.Since(began))
	}
	fault.Remove()
	b.until("orders", "True Synced")
	b.rest()
	if n := b.gate.writes(); n != 2 {
		t.Errorf("%d writes: the condition flaps", n)
	}
}

// With its own login on the real cluster's listener with ACLs: nothing may be seen, then seen, then made.
func TestRightsGrantedLaterOnARealCluster(t *testing.T) {
	t.Parallel()
	secure, admin := testenv.SecureKafka(t, "controller-"+strconv.FormatInt(time.Now().UnixNano(), 36), "secret")
	b := setup(t, secure)
	b.admin = testenv.Admin(t, admin)
	b.wire = wireClient(t, admin)
	b.apply("orders", `{partitions: 2, deletionPolicy: Delete}`)
	// No such user yet: an outage, that says so after 30 s.
	b.until("orders", "False BrokersUnavailable")
	b.login(secure)
	b.until("orders", "False NotAuthorized")
	b.grant(secure.SASLUsername, "orders")
	b.until("orders", "True Synced")
	b.delete("orders")
	b.untilGone("orders")
	testenv.Eventually(t, "the topic is deleted", func() bool { return b.topic("orders") == nil })
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
	for _, name := range []string{"leaving", "given-up"} {
		b.apply(name, `{deletionPolicy: Delete}`)
		b.until(name, "True Synced")
	}
	before := b.until("settled", "True Synced").ResourceVersion
	refused := b.until("refused", "False Invalid").ResourceVersion
	b.until("changed", "True Synced")
	fake.Close()
	b.crash() // nothing of it at start either
	started := time.Now()
	b.change("changed", `{spec: {partitions: 4}}`)
	b.apply("new", `{}`)
	b.delete("leaving")
	b.delete("given-up")
	for _, name := range []string{"changed", "new"} {
		got := b.until(name, "False BrokersUnavailable")
		if waited := time.Since(started); waited < 29*time.Second || stalled(got) {
			t.Errorf("%s says so after %s", name, waited)
		}
	}
	for _, name := range []string{"leaving", "given-up"} {
		if got := b.until(name, "False BrokersUnavailable: The topic cannot be deleted yet."); stalled(got) {
			t.Errorf("%s goes on by itself", name)
		}
	}
	b.change("given-up", `{spec: {deletionPolicy: Retain}}`)
	b.untilGone("given-up") // with no broker there
	if b.get("settled").ResourceVersion != before || b.get("refused").ResourceVersion != refused {
		t.Error("an outage changed a settled resource")
	}
	port, err := strconv.Atoi(brokers.Brokers[strings.LastIndex(brokers.Brokers, ":")+1:])
	b.must(err)
	up(port)
	b.until("changed", "True Synced")
	b.until("new", "True Synced")
	b.untilGone("leaving")
	if b.topic("leaving") != nil || b.topic("given-up") == nil {
		t.Error("one topic is deleted once the brokers are back, the other is kept")
	}
	if b.get("settled").ResourceVersion != before {
		t.Error("an outage changed a settled resource")
	}
}

func TestAnAnnotationThatCameInAnOutageIsAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, "orders")
	b := setup(t, brokers)
	b.apply("orders", `{deletionPolicy: Delete}`)
	b.until("orders", "True Synced: The topic is as this resource says. It was there before this resource")
	away := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.SaslAuthenticationFailed, Count: -1})
	b.change("orders", `{metadata: {annotations: {kafka.openorder.io/confirm-deletion: orders}}}`)
	testenv.Eventually(t, "passes and sweeps meet the outage", func() bool { return away.Hits() > 10 })
	away.Remove()
	testenv.Eventually(t, "the sentence is that of the annotation", func() bool {
		return ready(b.get("orders")) == "True Synced: The topic is as this resource says."
	})
}

// A proxy before the API server, or one that has just started, may answer 404 for what is there.
func TestAResourceThatIsSaidNotToExistIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.gate.lose("status")
	b.apply("orders", `{deletionPolicy: Delete}`)
	b.until("orders", "True Synced")
	b.gate.lose("finalizer")
	b.delete("orders")
	b.untilGone("orders")
	if b.topic("orders") != nil {
		t.Error("the topic is there still")
	}
}
