package broker

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What has to stay free on the disk. Records leave room for what little is written for them afterwards: offsets, the ends
// of transactions, producers' ids.
const (
	roomForRecords = 8 << 20
	roomForState   = 1 << 20
)

// room keeps a broker from writing to a disk that is full. kfake by itself says in its log, and not to the client, that an
// offset, a producer's id or the end of a transaction could not be written; and a batch that it refused once it takes for
// written when it comes again.
type room struct {
	dir    string
	log    *slog.Logger
	free   func(dir string) (uint64, error)
	lacked atomic.Bool
	blind  sync.Once
}

func newRoom(c Config) *room {
	r := &room{dir: c.Dir, log: c.Log, free: c.free}
	if r.free == nil {
		r.free = freeSpace
	}
	return r
}

// guard refuses what would be written while there is no room for it, with errors that clients try again on.
func (r *room) guard(cluster *kfake.Cluster) {
	cluster.Fault(
		kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.KafkaStorageError, Count: -1,
			When: func(request kmsg.Request) bool { return !r.has(roomForRecords + size(request)) },
		},
		kfake.Fault{
			Keys: []kmsg.Key{kmsg.CreateTopics, kmsg.CreatePartitions, kmsg.AlterConfigs, kmsg.IncrementalAlterConfigs},
			Err:  kerr.KafkaStorageError, Count: -1,
			When: func(kmsg.Request) bool { return !r.has(roomForState) },
		},
		kfake.Fault{
			Keys: []kmsg.Key{
				kmsg.OffsetCommit, kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
			},
			Err: kerr.CoordinatorLoadInProgress, Count: -1,
			When: func(kmsg.Request) bool { return !r.has(roomForState) },
		},
	)
}

// has tells whether so many bytes are free, or cannot be asked for, and logs when that changes; the latter once.
func (r *room) has(bytes uint64) bool {
	free, err := r.free(r.dir)
	enough := err != nil || free >= bytes
	switch {
	case err != nil:
		r.blind.Do(func() {
			r.log.Warn("free space cannot be asked for: the embedded broker would meet a full disk only when it writes", "dir", r.dir, "error", err)
		})
	case !enough && !r.lacked.Swap(true):
		r.log.Warn("the disk is full: the embedded broker takes nothing until there is room", "dir", r.dir, "free_bytes", free)
	case enough && bytes >= roomForRecords && r.lacked.Swap(false):
		r.log.Info("there is room on the disk again", "dir", r.dir, "free_bytes", free)
	}
	return enough
}

// size is how many bytes of records a request holds.
func size(request kmsg.Request) uint64 {
	produce, ok := request.(*kmsg.ProduceRequest)
	if !ok {
		return 0
	}
	bytes := 0
	for _, topic := range produce.Topics {
		for _, partition := range topic.Partitions {
			bytes += len(partition.Records)
		}
	}
	return uint64(bytes)
}
