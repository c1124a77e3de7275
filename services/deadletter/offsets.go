package deadletter

import "math/bits"

// chunkBits is how many offsets a chunk holds: small enough that a lonely offset is cheap, large enough that the map over
// the chunks is.
const chunkBits = 4096

// Offsets is a set of offsets that takes at most a bit for each offset between the least and the greatest, and next to
// nothing where runs of thousands are all in. However large the trail, and in whatever order it is read, adding and
// asking take constant time.
type Offsets struct {
	chunks map[int64]*chunk
	count  int64
}

type chunk [chunkBits / 64]uint64

// full stands for every chunk that has all its offsets.
var full = func() *chunk {
	c := new(chunk)
	for i := range c {
		c[i] = ^uint64(0)
	}
	return c
}()

// Add puts an offset, which is not negative, into the set.
func (o *Offsets) Add(offset int64) {
	if o.Has(offset) {
		return
	}
	if o.chunks == nil {
		o.chunks = map[int64]*chunk{}
	}
	at := offset / chunkBits
	c := o.chunks[at]
	if c == nil {
		c = new(chunk)
		o.chunks[at] = c
	}
	c[offset%chunkBits/64] |= 1 << (offset % 64)
	o.count++
	if c.isFull() {
		o.chunks[at] = full
	}
}

func (c *chunk) isFull() bool {
	for _, word := range c {
		if bits.OnesCount64(word) != 64 {
			return false
		}
	}
	return true
}

// Has tells whether the offset is in the set.
func (o *Offsets) Has(offset int64) bool {
	c := o.chunks[offset/chunkBits]
	return c != nil && c[offset%chunkBits/64]&(1<<(offset%64)) != 0
}

// Len is how many offsets are in the set.
func (o *Offsets) Len() int64 { return o.count }

// Done is the letters of one dead letter topic that were redriven already.
type Done struct {
	topicID    string
	partitions map[int32]map[int32]*Offsets // by leader epoch
}

// NewDone begins with none. Letters of another topic id, an earlier topic of the same name, are passed over.
func NewDone(topicID string) *Done {
	return &Done{topicID: topicID, partitions: map[int32]map[int32]*Offsets{}}
}

// Add notes that a letter was redriven.
func (d *Done) Add(e Entry) {
	if e.TopicID != d.topicID {
		return
	}
	epochs := d.partitions[e.Partition]
	if epochs == nil {
		epochs = map[int32]*Offsets{}
		d.partitions[e.Partition] = epochs
	}
	if epochs[e.epoch()] == nil {
		epochs[e.epoch()] = &Offsets{}
	}
	epochs[e.epoch()].Add(e.Offset)
}

// Has tells whether a letter was redriven.
func (d *Done) Has(l Letter) bool { return d.has(l, true) }

// HasAnother tells whether another letter was redriven that had the same offset, before the brokers lost it.
func (d *Done) HasAnother(l Letter) bool { return d.has(l, false) }

func (d *Done) has(l Letter, same bool) bool {
	if l.TopicID != d.topicID {
		return false
	}
	for epoch, offsets := range d.partitions[l.Partition] {
		if same == (epoch == l.LeaderEpoch || epoch < 0 || l.LeaderEpoch < 0) && offsets.Has(l.Offset) {
			return true
		}
	}
	return false
}
