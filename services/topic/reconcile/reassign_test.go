package reconcile_test

import (
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/testenv"
)

// While partitions are reassigned, Apache Kafka shows the replicas that come beside those that go.
func TestReplicasThatComeAndGoAreNotTooMany(t *testing.T) {
	t.Parallel()
	fake, brokers := testenv.FakeKafka(t)
	var shown, listed atomic.Bool
	var id atomic.Value
	host, text, err := net.SplitHostPort(fake.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	fake.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if asked := req.(*kmsg.MetadataRequest).Topics; !shown.Load() || len(asked) == 0 {
			return nil, nil, false
		}
		resp := shownWith(req, id.Load().([16]byte), 0, 1)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: host, Port: int32(port)}}
		return resp, nil, true
	})
	fake.ControlKey(int16(kmsg.ListPartitionReassignments), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
		resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{{Topic: "orders", Partitions: []kmsg.ListPartitionReassignmentsResponseTopicPartition{
			{Partition: 0, Replicas: []int32{0, 1}, AddingReplicas: []int32{1}, RemovingReplicas: []int32{0}},
		}}}
		return resp, nil, listed.Load()
	})
	b := setup(t, brokers)
	b.apply("orders", `{partitions: 1, replicas: 1}`)
	b.until("orders", "True Synced")
	b.rest()
	topics, err := b.admin.ListTopics(t.Context(), "orders")
	b.must(err)
	id.Store([16]byte(topics["orders"].ID))
	before := b.gate.writes()
	listed.Store(true)
	shown.Store(true)
	b.rest()
	if got := ready(b.get("orders")); !strings.HasPrefix(got, "True Synced") || b.gate.writes() != before {
		t.Errorf("after %d writes it is %s", b.gate.writes()-before, got)
	}
	listed.Store(false)
	b.until("orders", "False NotSupported: The topic has 2 replicas")
}

// shownWith is a Metadata answer in which the topics that were asked for have one partition with these replicas.
func shownWith(req kmsg.Request, id [16]byte, replicas ...int32) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	for _, asked := range req.(*kmsg.MetadataRequest).Topics {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.TopicID = asked.Topic, id
		t.Partitions = []kmsg.MetadataResponseTopicPartition{{Replicas: replicas, ISR: replicas}}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
