package kafka_test

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestRecordsForAPartitionWithoutALeaderHoldUpNoOthersAndGoOutOnceItHasOne(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 2)
	shown := metadataOf(t, b.client, sink)
	away := &shown.Topics[0].Partitions[1]
	away.ErrorCode, away.Leader = kerr.LeaderNotAvailable.Code, -1
	var lost atomic.Bool
	lost.Store(true)
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !lost.Load() {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.MetadataResponse)
		response.Brokers, response.ClusterID, response.ControllerID, response.Topics = shown.Brokers, shown.ClusterID, shown.ControllerID, shown.Topics
		return response, nil, true
	})
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response, toLost := notLeader(request.(*kmsg.ProduceRequest), away.Partition)
		return response, nil, lost.Load() && toLost
	})
	producer, err := kafka.NewProducer(kafka.ProducerConfig{Kafka: brokers, ClientID: "worker", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	produce := func() (errs []error, took time.Duration) {
		began := time.Now()
		errs = producer.Produce(t.Context(), []*kafka.Record{
			{Topic: sink, Key: []byte("a"), Value: []byte("1")}, {Topic: sink, Key: []byte("b"), Value: []byte("2")},
			{Topic: sink, Key: []byte("c"), Value: []byte("3")}, {Topic: sink, Key: []byte("d"), Value: []byte("4")},
		})
		return errs, time.Since(began)
	}
	first, _ := produce() // waits for as long as a leader may take to be elected
	second, took := produce()
	refused := 0
	for i := range second {
		if (first[i] == nil) != (second[i] == nil) {
			t.Errorf("record %d: %v, and then %v", i, first[i], second[i])
		}
		if errors.Is(second[i], kerr.LeaderNotAvailable) {
			refused++
		}
	}
	if refused == 0 || refused == len(second) || took > 5*time.Second {
		t.Errorf("%d of %d were refused, within %s", refused, len(second), took)
	}
	lost.Store(false)
	b.eventually("all are written once there is a leader", func() bool {
		errs, _ := produce()
		return errors.Join(errs...) == nil
	})
}

func metadataOf(t *testing.T, client *kgo.Client, topic string) *kmsg.MetadataResponse {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = kmsg.StringPtr(topic)
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// notLeader is a broker's answer that leads none of the partitions asked for, and whether a partition is among them.
func notLeader(request *kmsg.ProduceRequest, partition int32) (answer kmsg.Response, among bool) {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, asked := range request.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			among = among || p.Partition == partition
			refused := kmsg.NewProduceResponseTopicPartition()
			refused.Partition, refused.ErrorCode = p.Partition, kerr.NotLeaderForPartition.Code
			topic.Partitions = append(topic.Partitions, refused)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response, among
}
