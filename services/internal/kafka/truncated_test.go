package kafka_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/testenv"
)

// As after an unclean election, or a power cut of the only broker: the new leader's log ends before what was read, and the
// next records have offsets that were read before.
func TestRecordsInThePlaceOfThoseThatTheBrokersLostAreHandled(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers, &work{}, 1)
	for i := range 5 {
		b.produce(rec(0, "", fmt.Sprint(i)))
	}
	b.consume()
	b.eventually("all are done", func() bool { return b.committed() == 5 })
	// Told once: the log may have grown past what was read before anybody asks again.
	cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		return endsAt(request.(*kmsg.OffsetForLeaderEpochRequest), 3), nil, true
	})
	if err := cluster.MoveTopicPartition(source, 0, cluster.LeaderFor(source, 0)); err != nil {
		t.Fatal(err)
	}
	b.eventually("what is from offset 3 on now is done", func() bool { return b.work.triesOf("3") >= 2 && b.work.triesOf("4") >= 2 })
	if b.work.triesOf("2") != 1 {
		t.Error("what the brokers have kept came again")
	}
	b.eventually("and the offset is past it", func() bool { return b.committed() == 5 })
}

// endsAt says that the log of the epoch asked for ends at an offset.
func endsAt(request *kmsg.OffsetForLeaderEpochRequest, end int64) kmsg.Response {
	response := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, asked := range request.Topics {
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = asked.Topic
		for _, p := range asked.Partitions {
			partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			partition.Partition, partition.LeaderEpoch, partition.EndOffset = p.Partition, p.LeaderEpoch, end
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}
