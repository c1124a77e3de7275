package broker

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake keeps a partition in segments: N.dat holds record batches as they travel, N.idx an entry for each of them.

const (
	transactionalBatch = 0x10
	controlBatch       = 0x20
)

// transaction is one of a producer's: each has an epoch of its own (KIP-890), but for older clients.
type transaction struct {
	producer int64
	epoch    int16
}

// endings is what is known of transactions from all partitions.
type endings struct {
	committed map[transaction]int64 // by the time of the last marker
	several   map[transaction]bool  // more than one had this producer and epoch
}

// commits tells whether an open transaction was being committed: it has a marker elsewhere, and no earlier one's.
func (e endings) commits(o opened) bool {
	marked, committed := e.committed[o.transaction]
	return committed && (!e.several[o.transaction] || marked > o.began)
}

// partitionLog is what has to be known of a partition to end its transactions.
type partitionLog struct {
	segment     string // the last one
	next        int64  // offset
	leaderEpoch uint32
	open        map[int64]opened // by producer
	ended       map[transaction]bool
}

// opened is a transaction that is open, and when its first record was made.
type opened struct {
	transaction
	began int64
}

// readPartition reads a partition's segments, notes how transactions ended in it, and adds index entries that a crash
// kept from being written: those of later batches would be taken for theirs.
func readPartition(dir string, all endings) (*partitionLog, error) {
	segments, err := pathsIn(dir, func(entry fs.DirEntry) bool { return filepath.Ext(entry.Name()) == ".dat" })
	if err != nil {
		return nil, err
	}
	slices.SortFunc(segments, func(a, b string) int { return int(min(max(baseOffset(a)-baseOffset(b), -1), 1)) })
	log := &partitionLog{open: map[int64]opened{}, ended: map[transaction]bool{}}
	for _, segment := range segments {
		log.segment = segment
		raw, err := os.ReadFile(segment)
		if err != nil {
			return nil, err
		}
		if err := log.read(decodeBatches(raw), all); err != nil {
			return nil, err
		}
	}
	return log, nil
}

// read follows the transactions through a segment's batches, and completes its index.
func (l *partitionLog) read(batches []kmsg.RecordBatch, all endings) error {
	index, err := os.ReadFile(indexOf(l.segment))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var missing []byte
	for i, batch := range batches {
		l.next = batch.FirstOffset + int64(batch.LastOffsetDelta) + 1
		inTransaction := l.follow(batch, all)
		if at := i * indexEntrySize; at+indexEntrySize <= len(index) {
			l.leaderEpoch = binary.LittleEndian.Uint32(index[at+2:])
		} else {
			missing = append(missing, indexEntry(l.leaderEpoch, inTransaction)...)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	whole := len(index) / indexEntrySize * indexEntrySize
	if err := os.Truncate(indexOf(l.segment), int64(whole)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return appendTo(indexOf(l.segment), missing)
}

func (l *partitionLog) follow(batch kmsg.RecordBatch, all endings) (inTransaction bool) {
	t := transaction{batch.ProducerID, batch.ProducerEpoch}
	switch {
	case batch.Attributes&transactionalBatch == 0:
		return false
	case batch.Attributes&controlBatch == 0:
		if l.ended[t] {
			all.several[t] = true
		}
		if open, is := l.open[t.producer]; !is || open.transaction != t {
			l.open[t.producer] = opened{t, batch.FirstTimestamp}
		}
		return true
	}
	delete(l.open, t.producer)
	l.ended[t] = true
	if isCommit(batch) {
		all.committed[t] = max(all.committed[t], batch.MaxTimestamp)
	}
	return false
}

func isCommit(batch kmsg.RecordBatch) bool {
	var record kmsg.Record
	var key kmsg.ControlRecordKey
	return record.ReadFrom(batch.Records) == nil && key.ReadFrom(record.Key) == nil && key.Type == kmsg.ControlRecordKeyTypeCommit
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// decodeBatches reads whole batches up to the end, or to the first that is damaged.
func decodeBatches(raw []byte) []kmsg.RecordBatch {
	const lengthEnd, crcAt, crcEnd = 12, 17, 21
	var batches []kmsg.RecordBatch
	for len(raw) >= crcEnd {
		size := lengthEnd + int64(binary.BigEndian.Uint32(raw[8:lengthEnd]))
		if size < crcEnd || size > int64(len(raw)) {
			break
		}
		var batch kmsg.RecordBatch
		if crc32.Checksum(raw[crcEnd:size], castagnoli) != binary.BigEndian.Uint32(raw[crcAt:crcEnd]) || batch.ReadFrom(raw[:size]) != nil {
			break
		}
		batches = append(batches, batch)
		raw = raw[size:]
	}
	return batches
}

// marker is the batch that commits or aborts a transaction.
func marker(offset int64, t transaction, commit bool) []byte {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	record := kmsg.Record{Key: key.AppendTo(nil), Value: (&kmsg.EndTxnMarker{}).AppendTo(nil)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // without the length itself, of one byte
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		FirstOffset: offset, PartitionLeaderEpoch: -1, Magic: 2, Attributes: controlBatch | transactionalBatch,
		FirstTimestamp: now, MaxTimestamp: now, ProducerID: t.producer, ProducerEpoch: t.epoch, FirstSequence: -1,
		NumRecords: 1, Records: record.AppendTo(nil),
	}
	encoded := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(encoded[8:], uint32(len(encoded)-12))
	binary.BigEndian.PutUint32(encoded[17:], crc32.Checksum(encoded[21:], castagnoli))
	return encoded
}

const indexEntrySize = 15

// indexEntry is version, checksum, the leader's epoch, a timestamp that kfake computes anew, and a flag.
func indexEntry(leaderEpoch uint32, inTransaction bool) []byte {
	entry := make([]byte, indexEntrySize)
	entry[0] = 1
	binary.LittleEndian.PutUint32(entry[2:], leaderEpoch)
	if inTransaction {
		entry[14] = 1
	}
	entry[1] = byte(crc32.Checksum(entry[2:], castagnoli))
	return entry
}

// pathsIn is what a directory holds of a kind; nothing where there is none. No filepath.Glob: to it a directory named [1] is
// a pattern.
func pathsIn(dir string, wanted func(fs.DirEntry) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		if wanted(entry) {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, nil
}

func indexOf(segment string) string { return strings.TrimSuffix(segment, ".dat") + ".idx" }

func baseOffset(segment string) int64 {
	base, _ := strconv.ParseInt(strings.TrimSuffix(filepath.Base(segment), ".dat"), 10, 64)
	return base
}
