package reconcile_test

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// redpanda is an embedded broker that does what Redpanda does otherwise than Apache Kafka.
type redpanda struct {
	*kfake.Cluster
	mu     sync.Mutex
	alters int
	moved  [16]byte // the id of a topic whose replicas were moved
}

var (
	known = []string{"retention.ms", "cleanup.policy", "max.message.bytes"}
	noops = []string{"min.insync.replicas", "unclean.leader.election.enable", "flush.messages", "preallocate"}
)

func newRedpanda(t *testing.T) (*redpanda, kafka.Config) {
	t.Helper()
	fake, brokers := testenv.FakeKafka(t, kfake.NumBrokers(3), kfake.ClusterID("redpanda.5d2c1f"))
	r := &redpanda{Cluster: fake}
	fake.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		topics := req.(*kmsg.CreateTopicsRequest).Topics
		for i := range topics {
			// Unknown keys are ignored in silence.
			topics[i].Configs = slices.DeleteFunc(topics[i].Configs, func(c kmsg.CreateTopicsRequestTopicConfig) bool { return !slices.Contains(known, c.Name) })
			if topics[i].ReplicationFactor == 2 {
				return refuse(req, topics, kerr.InvalidReplicationFactor, "Replication factor must be an odd number greater than 0"), nil, true
			}
		}
		return nil, nil, false
	})
	fake.ControlKey(int16(kmsg.IncrementalAlterConfigs), r.alter)
	fake.ControlKey(int16(kmsg.Metadata), r.metadata)
	return r, brokers
}

func refuse(req kmsg.Request, topics []kmsg.CreateTopicsRequestTopic, with *kerr.Error, message string) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for _, t := range topics {
		st := kmsg.NewCreateTopicsResponseTopic()
		st.Topic, st.ErrorCode, st.ErrorMessage = t.Topic, with.Code, &message
		resp.Topics = append(resp.Topics, st)
	}
	return resp
}

// alter takes no-op keys without effect, moves replicas by a key that is never described, and fails a topic's whole
// change for one unknown key.
func (r *redpanda) alter(req kmsg.Request) (kmsg.Response, error, bool) {
	r.KeepControl()
	r.mu.Lock()
	r.alters++
	r.mu.Unlock()
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	rest := false
	resources := req.(*kmsg.IncrementalAlterConfigsRequest).Resources
	for i := range resources {
		st := kmsg.NewIncrementalAlterConfigsResponseResource()
		st.ResourceType, st.ResourceName = resources[i].ResourceType, resources[i].ResourceName
		resources[i].Configs = slices.DeleteFunc(resources[i].Configs, func(c kmsg.IncrementalAlterConfigsRequestResourceConfig) bool {
			switch {
			case c.Name == "replication.factor":
				go r.move(resources[i].ResourceName) // after the answer
			case !slices.Contains(noops, c.Name):
				if !slices.Contains(known, c.Name) {
					st.ErrorCode, st.ErrorMessage = kerr.InvalidConfig.Code, kmsg.StringPtr("unknown key "+c.Name)
				}
				return false
			}
			return true
		})
		resp.Resources = append(resp.Resources, st)
		rest = rest || len(resources[i].Configs) > 0 && st.ErrorCode == 0
	}
	return resp, nil, !rest
}

func (r *redpanda) move(topic string) {
	id := r.TopicInfo(topic).TopicID
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved = id
}

// metadata shows a moved topic on all three brokers.
func (r *redpanda) metadata(req kmsg.Request) (kmsg.Response, error, bool) {
	r.KeepControl()
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := req.(*kmsg.MetadataRequest).Topics
	if r.moved == ([16]byte{}) || len(asked) != 1 {
		return nil, nil, false
	}
	p := kmsg.NewMetadataResponseTopicPartition()
	p.Replicas = []int32{0, 1, 2}
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.Partitions = asked[0].Topic, r.moved, []kmsg.MetadataResponseTopicPartition{p}
	resp := metadata(r.Cluster, req, t)
	resp.ClusterID = kmsg.StringPtr("redpanda.5d2c1f")
	return resp, nil, true
}

// metadata is an answer that shows one topic.
func metadata(fake *kfake.Cluster, req kmsg.Request, shown kmsg.MetadataResponseTopic) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	for node, address := range fake.ListenAddrs() {
		host, port, _ := net.SplitHostPort(address)
		number, _ := strconv.Atoi(port)
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = int32(node), host, int32(number)
		resp.Brokers = append(resp.Brokers, b)
	}
	resp.Topics = append(resp.Topics, shown)
	return resp
}

func TestRedpandaTakesKeysWithoutEffect(t *testing.T) {
	t.Parallel()
	broker, brokers := newRedpanda(t)
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 3, config: {min.insync.replicas: 2, cleanup.policy: "delete,compact", retention.ms: 1e3}}`)
	got := b.until("orders", "True Synced")
	if !strings.Contains(ready(got), "The brokers take min.insync.replicas without effect.") {
		t.Errorf("got %s", ready(got))
	}
	b.rest()
	broker.mu.Lock()
	before := broker.alters
	broker.mu.Unlock()
	version := b.get("orders").ResourceVersion
	b.rest() // some sweeps
	broker.mu.Lock()
	if broker.alters != before || b.get("orders").ResourceVersion != version {
		t.Error("the difference never converges")
	}
	broker.mu.Unlock()
	b.untilEvents("orders", "Created")
	b.change("orders", `{spec: {managementPolicy: Observe}}`)
	b.until("orders", "True Observed")
}

func TestRedpandaIgnoresUnknownKeysAtCreationAndTheControllerDoesNot(t *testing.T) {
	t.Parallel()
	_, brokers := newRedpanda(t)
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 1, config: {retention.mss: 5}}`)
	if got := b.until("orders", "False Refused: The brokers refuse it. INVALID_CONFIG: unknown key retention.mss."); !stalled(got) || got.Status.TopicID == "" {
		t.Errorf("the status: %+v", got.Status)
	}
	b.change("orders", `{spec: {config: null}}`)
	b.until("orders", "True Synced")
}

// A value that equals the default may be described as the default: it is reset all the same, or a default that changes
// later would not come through.
func TestRedpandaIsToldToResetWhatItShowsAsTheDefault(t *testing.T) {
	t.Parallel()
	broker, brokers := newRedpanda(t)
	broker.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return shows(req, "retention.ms", "604800000", kmsg.ConfigSourceDefaultConfig), nil, true
	})
	resets := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.IncrementalAlterConfigs}, Count: -1, Observe: true, When: func(req kmsg.Request) bool {
		changes := req.(*kmsg.IncrementalAlterConfigsRequest).Resources[0].Configs
		return len(changes) == 1 && changes[0].Name == "retention.ms" && changes[0].Op == kmsg.IncrementalAlterConfigOpDelete
	}})
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, config: {retention.ms: 604800000}}`)
	b.until("orders", "True Synced")
	b.change("orders", `{spec: {config: null}}`)
	if keys := b.until("orders", "True Synced").Status.ConfigKeys; len(keys) != 0 {
		t.Errorf("keys enforced: %v", keys)
	}
	b.rest() // some sweeps
	if n := resets.Hits(); n != 1 {
		t.Errorf("it is told %d times", n)
	}
}

func TestRedpandaMovesReplicasByItself(t *testing.T) {
	t.Parallel()
	_, brokers := newRedpanda(t)
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 1}`)
	b.until("orders", "True Synced")
	b.change("orders", `{spec: {replicas: 3}}`)
	testenv.Eventually(t, "the replicas are there", func() bool { return b.until("orders", "True Synced").Status.Replicas == 3 })
	b.untilEvents("orders", "Created", "ConfigChanged")
}

// Brokers take all changes of a topic or none.
func TestOneRefusedKeyKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	_, brokers := newRedpanda(t)
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, config: {max.message.bytes: 4000}}`)
	b.until("orders", "True Synced")
	b.change("orders", `{spec: {config: {max.message.bytes: 5000, no.such.key: 1, retention.mss: 5, retention.ms: 1000}}}`)
	got := b.until("orders", "False Refused: The brokers refuse it. INVALID_CONFIG: unknown key no.such.key; INVALID_CONFIG: unknown key retention.mss.")
	if keys := got.Status.ConfigKeys; !slices.Equal(keys, []string{"max.message.bytes", "retention.ms"}) {
		t.Errorf("keys enforced: %v", keys)
	}
	if v := b.value("orders", "max.message.bytes") + " " + b.value("orders", "retention.ms"); v != "5000 1000" {
		t.Errorf("the others are %s", v)
	}
	b.set("orders", "retention.ms", "7")
	testenv.Eventually(t, "drift of the others is mended", func() bool { return b.value("orders", "retention.ms") == "1000" })
	b.untilEvents("orders", "Created", "ConfigChanged", "Refused", "Drifted")
}

func TestRedpandaRefusesAnEvenNumberOfReplicas(t *testing.T) {
	t.Parallel()
	_, brokers := newRedpanda(t)
	b := setup(t, brokers)
	b.apply("orders", `{replicas: 2}`)
	if got := b.until("orders", "False Refused: The brokers refuse it. INVALID_REPLICATION_FACTOR: Replication factor must be an odd number"); !stalled(got) {
		t.Error("somebody must change it")
	}
	b.change("orders", `{spec: {replicas: 3}}`)
	b.until("orders", "True Synced")
}

// Brokers without topic ids: by name.
func TestAClusterWithoutTopicIDs(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	fake.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key, most := range map[kmsg.Key]int16{kmsg.Metadata: 9, kmsg.ApiVersions: 3, kmsg.DeleteTopics: 5, kmsg.CreateTopics: 6, kmsg.DescribeConfigs: 4, kmsg.IncrementalAlterConfigs: 1, kmsg.CreatePartitions: 3} {
			v := kmsg.NewApiVersionsResponseApiKey()
			v.ApiKey, v.MaxVersion = int16(key), most
			resp.ApiKeys = append(resp.ApiKeys, v)
		}
		return resp, nil, true
	})
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 2, deletionPolicy: Delete}`)
	if s := b.until("orders", "True Synced").Status; s.TopicID != "by-name" || !s.Created {
		t.Errorf("the status: %+v", s)
	}
	b.change("orders", `{spec: {partitions: 3}}`)
	b.until("orders", "True Synced")
	b.delete("orders")
	b.untilGone("orders")
	testenv.Eventually(t, "the topic is deleted", func() bool { return b.topic("orders") == nil })
	b.untilEvents("orders", "Created", "PartitionsAdded", "Deleted")
}
