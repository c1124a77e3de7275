package command_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/command"
)

func TestApplyDoesWhatDiffShows(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 3, "orders", "unnamed")
		alter(t, brokers, "orders", "segment.bytes", "2097152")
		wishes := files(t, declare("orders", "partitions: 3, config: {retention.ms: 1e10, cleanup.policy: delete}")+
			declare("payments", "topicName: Payments_1, partitions: 2, replicas: 1, config: {cleanup.policy: compact}"))
		diff := &command.Diff{Connection: to(brokers), Files: wishes}
		shown := run(t, diff, "")
		shown.is(t, 1, "2 of 2 topics not as declared")
		want := "orders\n  ~ retention.ms 604800000 -> 10000000000\nPayments_1\n  + create with 2 partitions, 1 replica\n  + cleanup.policy = compact\n"
		if d := cmp.Diff(want, shown.out); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
		applied := run(t, &command.Apply{Connection: to(brokers), Files: wishes}, "")
		applied.is(t, 0, "orders changed\n", "Payments_1 created\n")
		if d := cmp.Diff(map[string]string{"retention.ms": "10000000000", "segment.bytes": "2097152"}, config(t, brokers, "orders")); d != "" {
			t.Errorf("keys that are not named stay (-want +got)\n%s", d)
		}
		if topics, err := testenv.Admin(t, brokers).ListTopics(t.Context()); err != nil || !slices.Contains(topics.Names(), "unnamed") {
			t.Errorf("topics that are not named stay: %v, %v", topics.Names(), err)
		}
		run(t, diff, "").is(t, 0, "2 topics as declared")
		run(t, &command.Apply{Connection: to(brokers), Files: wishes}, "").is(t, 0, "2 topics as declared")
	})
}

func TestApplyAsksBeforeWhatCannotBeUndone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec string
		step string
	}{
		"a shorter retention":    {"config: {retention.ms: 1000}", "! retention.ms 604800000 -> 1000"},
		"another cleanup policy": {"config: {cleanup.policy: compact}", "! cleanup.policy delete -> compact"},
		"more partitions":        {"partitions: 5", "! partitions 3 -> 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t, kfake.SeedTopics(3, "orders"))
			wishes := files(t, declare("orders", c.spec)+declare("new", ""))
			apply := &command.Apply{Connection: to(brokers), Files: wishes}
			run(t, apply, "n\n").is(t, 1, c.step, "Apply? [y/N] nothing is done: not confirmed")
			run(t, apply, "").is(t, 1, "nothing is done: not confirmed")
			runWith(t, apply, "y\n", false).is(t, 1, "nobody is there to confirm them; --yes does without")
			run(t, &command.Diff{Connection: to(brokers), Files: wishes}, "").is(t, 1, "2 of 2 topics not as declared")
			run(t, apply, "y\n").is(t, 0, "orders changed", "new created")
			apply.Yes = true
			runWith(t, apply, "", false).is(t, 0, "2 topics as declared")
		})
	}
}

func TestManifestsOnStandardInputLeaveNobodyToAsk(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t, kfake.SeedTopics(3, "orders"))
	apply := &command.Apply{Connection: to(brokers), Files: command.Files{Paths: []string{"-"}}}
	run(t, apply, declare("orders", "partitions: 5")).is(t, 1, "--yes does without")
	apply.Yes = true
	run(t, apply, declare("orders", "partitions: 5")).is(t, 0, "orders changed")
}

func TestWhatCannotBeDoneIsSaidAndTheRestIsDone(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 3, "fewer", "good", "bad")
		wishes := files(t, declare("fewer", "partitions: 1, config: {retention.ms: 704800000}")+declare("good", "config: {retention.ms: 704800000}")+declare("many", "replicas: 30")+declare("__x", "topicName: x"))
		r := run(t, &command.Apply{Connection: to(brokers), Files: wishes}, "")
		r.is(t, 2, "good changed", "fewer changed", "x created", "Kafka cannot take partitions away", "make many: INVALID_REPLICATION_FACTOR")
		run(t, &command.Diff{Connection: to(brokers), Files: wishes}, "").is(t, 1, "2 of 4 topics not as declared", "x the topic has 3 partitions and the resource asks for 1")
	})
}

// Asked a second time, brokers say that the partitions are there.
func TestPartitionsThatWereAddedWithoutAnAnswerAreNoFailure(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, "orders")
	adds := []kmsg.Key{kmsg.CreatePartitions}
	fake.Fault(kfake.Fault{Keys: adds, Err: kerr.RequestTimedOut}, kfake.Fault{Keys: adds, Err: kerr.InvalidPartitions})
	run(t, &command.Apply{Connection: to(brokers), Files: files(t, declare("orders", "partitions: 5")), Yes: true}, "").is(t, 0, "orders changed")
}

func TestAMistakeInOneManifestStopsAll(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	wishes := files(t, declare("good", "")+declare("bad", "partitons: 3"))
	for _, c := range []runner{&command.Diff{Connection: to(brokers), Files: wishes}, &command.Apply{Connection: to(brokers), Files: wishes, Yes: true}} {
		run(t, c, "").is(t, 2, "topics.yaml, document 2 (line", "spec.partitons: is not known")
	}
	if topics, err := testenv.Admin(t, brokers).ListTopics(t.Context()); err != nil || len(topics) > 0 {
		t.Errorf("made %v, %v", topics.Names(), err)
	}
}

func TestPoliciesAreKept(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	wishes := files(t, declare("observed", "managementPolicy: Observe")+declare("paused", "managementPolicy: Pause"))
	run(t, &command.Apply{Connection: to(brokers), Files: wishes, Yes: true}, "").is(t, 0, "observed\n  + create", "managementPolicy Observe: shown, never done", "paused: managementPolicy Pause, not looked at")
	if topics, err := testenv.Admin(t, brokers).ListTopics(t.Context()); err != nil || len(topics) > 0 {
		t.Errorf("made %v, %v", topics.Names(), err)
	}
}

func TestStrimzisManifestsAreAppliedAndSaid(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	wishes := files(t, "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: orders, labels: {strimzi.io/cluster: c}}\nspec: {partitions: 2, replicas: 1, config: {cleanup.policy: [compact, delete]}}\n---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata: {name: u}\n")
	run(t, &command.Apply{Connection: to(brokers), Files: wishes}, "").is(t, 0, "orders created",
		"1 topic translated from Strimzi's KafkaTopic; deletionPolicy is Retain", `the list of config cleanup.policy becomes "compact,delete"`, "passed over kafka.strimzi.io/v1 KafkaUser")
}

// A cluster full of topics moves in with one pipe: what is exported differs in nothing from what is there.
func TestExportRoundTrip(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 2, "orders", "Orders", "orders_by.day", "_internal", "-odd-")
		alter(t, brokers, "orders", "retention.ms", "9223372036854775807")
		alter(t, brokers, "Orders", "cleanup.policy", "compact")
		exported := run(t, &command.Export{Connection: to(brokers), Namespace: "kafka"}, "")
		exported.is(t, 0, "topicName: orders_by.day", "name: orders-by.day", "namespace: kafka", "deletionPolicy: Retain", `retention.ms: "9223372036854775807"`, "cleanup.policy: compact")
		if strings.Contains(exported.out, "_internal") || strings.Count(exported.out, "kind: KafkaTopic") != 4 {
			t.Errorf("exported\n%s", exported.out)
		}
		run(t, &command.Diff{Connection: to(brokers), Files: command.Files{Paths: []string{"-"}}}, exported.out).is(t, 0, "4 topics as declared")
		some := run(t, &command.Export{Connection: to(brokers), Patterns: []string{"orders*"}}, "")
		if some.is(t, 0); strings.Count(some.out, "kind: KafkaTopic") != 2 {
			t.Errorf("exported\n%s", some.out)
		}
		run(t, &command.Export{Connection: to(brokers), Patterns: []string{"none"}}, "").is(t, 2, "there is no such topic that may be seen")
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(exported.out), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, &command.Apply{Connection: to(brokers), Files: command.Files{Paths: []string{folder}}}, "").is(t, 0, "4 topics as declared")
	})
}

// Others' topics may be seen without the right to see their configuration.
func TestAnExportAsksOnlyAboutTheTopicsThatItNames(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	testenv.CreateTopics(t, brokers, 1, "orders", "secret")
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "secret", Err: kerr.TopicAuthorizationFailed, Count: -1})
	run(t, &command.Export{Connection: to(brokers)}, "").is(t, 2, "TOPIC_AUTHORIZATION_FAILED")
	run(t, &command.Export{Connection: to(brokers), Patterns: []string{"orders"}}, "").is(t, 0, "topicName: orders")
}

// Redpanda takes keys such as min.insync.replicas without effect and does not describe them.
func TestKeysThatRedpandaIgnoresDoNotDifferForEver(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t, kfake.ClusterID("redpanda.1"), kfake.SeedTopics(1, "orders"))
	fake.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range req.(*kmsg.DescribeConfigsRequest).Resources {
			r := kmsg.NewDescribeConfigsResponseResource()
			r.ResourceType, r.ResourceName = asked.ResourceType, asked.ResourceName
			resp.Resources = append(resp.Resources, r)
		}
		return resp, nil, true
	})
	wishes := files(t, declare("orders", "config: {min.insync.replicas: 2}"))
	run(t, &command.Diff{Connection: to(brokers), Files: wishes}, "").is(t, 0, "orders: the brokers ignore config min.insync.replicas")
}

func alter(t *testing.T, brokers kafka.Config, name, key, value string) {
	t.Helper()
	admin := testenv.Admin(t, brokers)
	altered, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, name)
	if err != nil || altered[0].Err != nil {
		t.Fatal(err, altered[0].Err)
	}
	testenv.Eventually(t, "the brokers show it", func() bool { return config(t, brokers, name)[key] == value })
}

func TestAThousandTopicsAreFewRequests(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var mu sync.Mutex
	requests := map[kmsg.Key]int{}
	for _, key := range []kmsg.Key{kmsg.CreateTopics, kmsg.Metadata, kmsg.DescribeConfigs} {
		fake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			fake.KeepControl()
			mu.Lock()
			defer mu.Unlock()
			requests[key]++
			return nil, nil, false
		})
	}
	var text bytes.Buffer
	for i := range 1000 {
		text.WriteString(declare(fmt.Sprintf("topic-%d", i), "partitions: 1, config: {retention.ms: 604800001}"))
	}
	wishes := files(t, text.String())
	run(t, &command.Apply{Connection: to(brokers), Files: wishes}, "").is(t, 0)
	run(t, &command.Diff{Connection: to(brokers), Files: wishes}, "").is(t, 0, "1000 topics as declared")
	mu.Lock()
	defer mu.Unlock()
	t.Logf("requests: %v", requests)
	if requests[kmsg.CreateTopics] > 20 || requests[kmsg.DescribeConfigs] > 40 {
		t.Errorf("too many: %v", requests)
	}
}
