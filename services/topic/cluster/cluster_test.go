package cluster_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/cluster"
)

type bundle struct {
	*cluster.Cluster
	metrics *prometheus.Registry
}

func open(t *testing.T, brokers kafka.Config) bundle {
	t.Helper()
	metrics := prometheus.NewRegistry()
	c, err := cluster.Open(brokers, slog.New(slog.DiscardHandler), metrics, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return bundle{c, metrics}
}

// sent is how many requests of a kind went over the wire.
func (b bundle) sent(t *testing.T, request string) float64 {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "openorder_topic_admin_requests_total" {
			continue
		}
		for _, m := range family.Metric {
			if m.Label[0].GetValue() == request {
				return m.Counter.GetValue()
			}
		}
	}
	return 0
}

func TestATopicsLife(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		c := open(t, brokers)
		ctx := t.Context()
		query := cluster.Query{Name: "orders", Keys: []string{"retention.ms", "cleanup.policy", "no.such.key"}}
		if none, err := c.Describe(ctx, query); none != nil || err != nil {
			t.Fatalf("a topic that is not there: %v, %v", none, err)
		}
		made, err := c.Create(ctx, topic.Desired{Name: "orders", Partitions: 3, Replicas: 1, Config: map[string]string{"retention.ms": "1000"}})
		if err != nil || made.Partitions != 3 || made.Replicas != 1 || made.ID == "" || made.Config["retention.ms"].Text != "1000" {
			t.Fatalf("created: %+v, %v", made, err)
		}
		shown := eventually(t, c, query, func(shown *topic.Topic) bool { return shown != nil })
		want := &topic.Topic{Name: "orders", ID: made.ID, Partitions: 3, Replicas: 1, Config: map[string]topic.Value{
			"retention.ms": {Text: "1000", Own: true}, "cleanup.policy": {Text: "delete"}}}
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Errorf("described (-want +got)\n%s", diff)
		}
		if _, err := c.Create(ctx, topic.Desired{Name: "orders"}); !cluster.Is(err, cluster.Exists) || cluster.AsError(err).Ambiguous {
			t.Errorf("created twice: %v", err)
		}
		if err := c.AddPartitions(ctx, "orders", 5); err != nil {
			t.Error(err)
		}
		if err := c.Alter(ctx, "orders", []topic.Change{{Key: "retention.ms", Reset: true}, {Key: "cleanup.policy", New: "compact"}}); err != nil {
			t.Error(err)
		}
		eventually(t, c, query, func(shown *topic.Topic) bool {
			return shown != nil && shown.Partitions == 5 && !shown.Config["retention.ms"].Own && shown.Config["cleanup.policy"].Text == "compact"
		})
		if err := c.Delete(ctx, "orders", "AAAAAAAAQACAAAAAAAAAAA"); !cluster.Is(err, cluster.Gone) {
			t.Errorf("deleted under another id: %v", err)
		}
		if err := c.Delete(ctx, "orders", made.ID); err != nil {
			t.Error(err)
		}
		if err := c.Delete(ctx, "orders", made.ID); !cluster.Is(err, cluster.Gone) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func eventually(t *testing.T, c bundle, q cluster.Query, ok func(*topic.Topic) bool) *topic.Topic {
	t.Helper()
	var shown *topic.Topic
	testenv.Eventually(t, "the brokers show what was done", func() bool {
		var err error
		shown, err = c.Describe(t.Context(), q)
		return err == nil && ok(shown)
	})
	return shown
}

func TestWhatIsAskedForAtOnceSharesRequests(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		c := open(t, brokers)
		const topics = 200
		each := func(do func(name string) error) {
			var all sync.WaitGroup
			for i := range topics {
				all.Go(func() {
					if err := do(fmt.Sprintf("topic-%d", i)); err != nil {
						t.Errorf("topic-%d: %v", i, err)
					}
				})
			}
			all.Wait()
		}
		ids := sync.Map{}
		each(func(name string) error {
			made, err := c.Create(t.Context(), topic.Desired{Name: name, Partitions: 1, Replicas: 1})
			if err == nil {
				ids.Store(name, made.ID)
			}
			return err
		})
		each(func(name string) error {
			return c.Alter(t.Context(), name, []topic.Change{{Key: "retention.ms", New: "1"}})
		})
		each(func(name string) error {
			_, err := c.Describe(t.Context(), cluster.Query{Name: name, Keys: []string{"retention.ms"}})
			if cluster.Is(err, cluster.Unsettled) {
				return nil // made a moment ago
			}
			return err
		})
		each(func(name string) error {
			id, _ := ids.Load(name)
			return c.Delete(t.Context(), name, id.(string))
		})
		for _, request := range []string{"CreateTopics", "IncrementalAlterConfigs", "DescribeConfigs", "DeleteTopics"} {
			if n := c.sent(t, request); n > 12 {
				t.Errorf("%d topics took %v requests of kind %s", topics, n, request)
			}
		}
	})
}

func TestASweepIsTwoRequests(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		c := open(t, brokers)
		names := make([]string, 50)
		queries := make([]cluster.Query, len(names))
		for i := range names {
			names[i] = fmt.Sprintf("topic-%d", i)
			queries[i] = cluster.Query{Name: names[i], Keys: []string{"retention.ms"}}
		}
		testenv.CreateTopics(t, brokers, 1, names...)
		_, _ = c.Describe(t.Context(), cluster.Query{Name: "first"}) // the client connects
		before := c.sent(t, "Metadata") + c.sent(t, "DescribeConfigs")
		topics, errs := c.DescribeAll(t.Context(), queries)
		for i := range queries {
			if errs[i] != nil || topics[i] == nil || topics[i].Config["retention.ms"].Text == "" {
				t.Errorf("%s: %+v, %v", names[i], topics[i], errs[i])
			}
		}
		if n := c.sent(t, "Metadata") + c.sent(t, "DescribeConfigs") - before; n != 2 {
			t.Errorf("a sweep took %v requests", n)
		}
	})
}

func TestASweepOfManyTopicsComesInChunks(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		c := open(t, brokers)
		testenv.CreateTopics(t, brokers, 1, "first", "last")
		queries := make([]cluster.Query, 2*cluster.Chunk+1)
		for i := range queries {
			queries[i] = cluster.Query{Name: fmt.Sprintf("absent-%d", i), Keys: []string{"retention.ms"}}
		}
		queries[0].Name, queries[len(queries)-1].Name = "first", "last"
		_, _ = c.Describe(t.Context(), cluster.Query{Name: "first"}) // the client connects
		metadata, configs := c.sent(t, "Metadata"), c.sent(t, "DescribeConfigs")
		topics, errs := c.DescribeAll(t.Context(), queries)
		for i, q := range queries {
			there := i == 0 || i == len(queries)-1
			if errs[i] != nil || (topics[i] != nil) != there || there && topics[i].Config["retention.ms"].Text == "" {
				t.Fatalf("%s: %+v, %v", q.Name, topics[i], errs[i])
			}
		}
		metadata, configs = c.sent(t, "Metadata")-metadata, c.sent(t, "DescribeConfigs")-configs
		if metadata != 3 || configs != 2 {
			t.Errorf("%v requests for metadata, %v for configuration; the chunk in the middle has nothing to configure", metadata, configs)
		}
	})
}

func TestOneBadTopicSpoilsNoOther(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		c := open(t, brokers)
		bad := map[string]topic.Desired{
			"huge":     {Name: "huge", Partitions: 10_000_000, Replicas: 1},
			"replicas": {Name: "replicas", Partitions: 1, Replicas: 30},
		}
		if !fake(t) {
			bad["key"] = topic.Desired{Name: "key", Config: map[string]string{"retention.mss": "1"}}
			bad["value"] = topic.Desired{Name: "value", Config: map[string]string{"retention.ms": "-7"}}
			bad["word"] = topic.Desired{Name: "word", Config: map[string]string{"cleanup.policy": "shred"}}
		} else {
			delete(bad, "huge") // the embedded broker would make them
		}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if _, err := c.Create(t.Context(), topic.Desired{Name: fmt.Sprintf("good-%d", i), Partitions: 1}); err != nil {
					t.Errorf("good-%d: %v", i, err)
				}
			})
		}
		for _, d := range bad {
			all.Go(func() {
				if _, err := c.Create(t.Context(), d); !cluster.Is(err, cluster.Refused) || !strings.Contains(err.Error(), "INVALID") && !strings.Contains(err.Error(), "POLICY") {
					t.Errorf("%s: %v", d.Name, err)
				} else {
					t.Logf("%s: %v", d.Name, err)
				}
			})
		}
		all.Wait()
	})
}

func fake(t *testing.T) bool { return strings.HasSuffix(t.Name(), "/kfake") }

func TestBrokersThatAreAwayAreAnOutage(t *testing.T) {
	t.Parallel()
	c := open(t, kafka.Config{Brokers: "127.0.0.1:1"})
	if _, err := c.Describe(t.Context(), cluster.Query{Name: "orders"}); !cluster.Is(err, cluster.Unavailable) {
		t.Error(err)
	}
	if err := testutil.GatherAndCompare(c.metrics, strings.NewReader("# HELP openorder_topic_admin_errors_total Errors that the brokers answered, a topic each, by kind of request and Kafka's name of the error; code none: the request was not answered.\n# TYPE openorder_topic_admin_errors_total counter\nopenorder_topic_admin_errors_total{code=\"none\",request=\"Metadata\"} 1\n"), "openorder_topic_admin_errors_total"); err != nil {
		t.Error(err)
	}
}
