package broker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzDecodeBatches(f *testing.F) {
	one := marker(0, transaction{1, 2}, true)
	f.Add(one)
	f.Add(append(marker(0, transaction{1, 2}, false), one[:len(one)-1]...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		size := 0
		for _, batch := range decodeBatches(raw) {
			size += 12 + int(batch.Length)
			isCommit(batch)
		}
		if size > len(raw) {
			t.Errorf("%d bytes decoded of %d", size, len(raw))
		}
	})
}

func TestAMarkerIsAWholeBatch(t *testing.T) {
	t.Parallel()
	raw := append(marker(7, transaction{1, 2}, true), marker(8, transaction{3, 4}, false)...)
	type seen struct {
		Offset, Producer int64
		Epoch            int16
		Commit           bool
	}
	var got []seen
	for _, batch := range decodeBatches(append(raw, 0, 0, 0)) {
		got = append(got, seen{batch.FirstOffset, batch.ProducerID, batch.ProducerEpoch, isCommit(batch)})
	}
	if diff := cmp.Diff([]seen{{7, 1, 2, true}, {8, 3, 4, false}}, got); diff != "" {
		t.Errorf("markers (-want +got):\n%s", diff)
	}
}
