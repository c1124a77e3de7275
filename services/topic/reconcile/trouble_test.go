package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/reconcile"
)

func TestBadInputIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	b := setup(t, testenv.RealKafka(t))
	testenv.CreateTopics(t, b.brokers, 1, "orders")
	b.set("orders", "retention.ms", "77")
	b.apply("orders", `{partitions: 3, config: {retention.ms: -7, max.message.bytes: 5000}}`)
	got := b.until("orders", "False Refused")
	if b.topic("orders").Partitions != 3 || b.value("orders", "max.message.bytes") != "5000" {
		t.Error("a step that fails keeps no other back")
	}
	if keys := got.Status.ConfigKeys; !slices.Equal(keys, []string{"max.message.bytes"}) {
		t.Errorf("keys enforced: %v", keys)
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
			b.change("gone", `{metadata: {annotations: {try: again}}}`) // what somebody has to allow is tried once a minute
			b.untilGone("gone")
			if b.topic("gone") != nil {
				t.Error("the topic is deleted once the brokers let it")
			}
		})
	}
}

// Each attempt reads all resources from the API server.
func TestADeletionThatSomebodyHasToAllowIsTriedSeldom(t *testing.T) {
	t.Parallel()
	for _, fault := range []*kerr.Error{kerr.TopicDeletionDisabled, kerr.TopicAuthorizationFailed, kerr.PolicyViolation} {
		t.Run(fault.Message, func(t *testing.T) {
			t.Parallel()
			fake, brokers := testenv.FakeKafka(t)
			b := setup(t, brokers)
			b.apply("orders", `{deletionPolicy: Delete}`)
			b.until("orders", "True")
			fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteTopics}, Err: fault, Count: -1})
			before := b.gate.reads()
			b.delete("orders")
			b.until("orders", "False") // after 5 s
			if n := b.gate.reads() - before; n > 2 {
				t.Errorf("%d reads: at once, before it is said, and then each minute", n)
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
	b.rest()
	if n := b.gate.writes(); n != 2 {
		t.Errorf("%d writes", n)
	}
}

// The brokers carry the create out, say that it timed out, and show no topic until the resource has said that it waits.
func TestACreateThatSucceededIsRecognisedAfterMoreTrouble(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	hidden := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "orders", Err: kerr.UnknownTopicOrPartition, Count: -1})
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut})
	throttled := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.ThrottlingQuotaExceeded})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{partitions: 3, deletionPolicy: Delete}`)
	b.until("orders", "False Waiting")
	if throttled.Hits() == 0 {
		t.Fatal("the second create meets other trouble")
	}
	hidden.Remove()
	if made := b.until("orders", "True Synced"); !made.Status.Created {
		t.Errorf("it is ours: %+v", made.Status)
	}
	b.untilEvents("orders", "Created")
}

// The create fails with nobody knowing what became of it, and somebody else makes the topic.
func TestATopicThatIsNotAsItWasAskedForIsSomebodyElses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		asked   string
		leaving bool
	}{
		"other partitions":  {`{partitions: 3, deletionPolicy: Delete}`, false},
		"other values":      {`{partitions: 2, deletionPolicy: Delete, config: {retention.ms: 1000}}`, false},
		"deleted meanwhile": {`{partitions: 3, deletionPolicy: Delete}`, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, brokers := testenv.FakeKafka(t)
			var failed atomic.Int64
			fake.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				failed.Add(1)
				return nil, errors.New("the connection is closed"), true
			})
			hidden := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "orders", Err: kerr.UnknownTopicOrPartition, Count: -1})
			b := setup(t, brokers, seldom)
			b.apply("orders", c.asked)
			testenv.Eventually(t, "a create fails", func() bool { return failed.Load() > 0 })
			b.must(fake.CreateTopic("orders", 2, nil))
			if c.leaving {
				b.delete("orders")
			}
			hidden.Remove()
			if !c.leaving {
				if taken := b.until("orders", "True Synced"); taken.Status.Created {
					t.Errorf("it is not ours: %+v", taken.Status)
				}
				b.delete("orders")
			}
			b.untilGone("orders")
			if b.topic("orders") == nil {
				t.Error("somebody else's topic was deleted")
			}
		})
	}
}

func TestThrottlingIsHonoured(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	times := make(chan time.Time, 10)
	fake.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		times <- time.Now()
		return refuse(req, req.(*kmsg.CreateTopicsRequest).Topics, kerr.ThrottlingQuotaExceeded, "later"), nil, len(times) <= 2
	})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{}`)
	b.until("orders", "True Synced")
	b.rest()
	for first, n := <-times, len(times); n > 0; n-- {
		next := <-times
		if waited := next.Sub(first); waited < time.Second {
			t.Errorf("tried again after %s: without a time of the brokers it is a second", waited)
		}
		first = next
	}
	if n := b.gate.writes(); n != 1 {
		t.Errorf("%d writes: nothing is said of what passes within five seconds", n)
	}
}

// A refusal is met again when the resource changes, at each sweep, and never in between.
func TestATerminalProblemIsNotTriedInAHotLoop(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var creates atomic.Int64
	fake.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		creates.Add(1)
		return refuse(req, req.(*kmsg.CreateTopicsRequest).Topics, kerr.PolicyViolation, "no"), nil, true
	})
	sweep := time.Hour
	b := setup(t, brokers, func(o *reconcile.Options) { o.SweepInterval = sweep })
	b.apply("orders", `{partitions: 1}`)
	b.until("orders", "False Refused")
	b.rest()
	if n := creates.Load(); n != 1 {
		t.Errorf("tried %d times", n)
	}
	b.change("orders", `{spec: {partitions: 2}}`)
	b.until("orders", "False Refused")
	b.rest()
	if n := creates.Load(); n != 2 {
		t.Errorf("tried %d times after the resource was changed", n)
	}
	version := b.get("orders").ResourceVersion
	b.halt()
	sweep = 200 * time.Millisecond
	b.start()
	testenv.Eventually(t, "sweeps try again", func() bool { return creates.Load() > 5 })
	if b.get("orders").ResourceVersion != version {
		t.Error("nothing new is said")
	}
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

// A cluster that is starting has fewer brokers than its default asks for: waiting tools must not fail at once.
func TestBrokersFewerThanTheClustersDefaultOfReplicasAreWaitedFor(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	starting := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.InvalidReplicationFactor, Count: -1})
	b := setup(t, brokers, seldom)
	b.apply("orders", `{}`)
	if got := b.until("orders", "False NotEnoughBrokers: "); stalled(got) {
		t.Error("it goes on by itself")
	}
	starting.Remove()
	b.until("orders", "True Synced")
}

// A condition has room for 32768 characters: the API server takes no status with more.
func TestASentenceThatIsTooLongIsCut(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, "orders")
	b := setup(t, brokers)
	b.apply("orders", `{managementPolicy: Observe, config: {leader.replication.throttled.replicas: "`+strings.Repeat("0:1,", 9000)+`"}}`)
	if got := ready(b.until("orders", "False Drifted: ")); !strings.HasSuffix(got, "...") {
		t.Errorf("it ends with %q", got[len(got)-40:])
	}
}
