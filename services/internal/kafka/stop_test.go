package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openorder/openorder/services/internal/testenv"
)

// The brokers go away while batches are in flight and more wait for their turn.
func TestAConsumerStopsWithinItsBoundWhateverTheBrokersDo(t *testing.T) {
	t.Parallel()
	var wires wires
	cluster, brokers := testenv.FakeKafka(t, kfake.ListenFn(wires.listen))
	underWay, gone := make(chan struct{}), make(chan struct{})
	batches := 0
	b := setup(t, brokers, &work{batch: func([]string) error {
		if batches++; batches == 2 {
			close(underWay)
			<-gone
		}
		return nil
	}}, 1)
	for i := range 3000 {
		b.client.Produce(t.Context(), rec(0, fmt.Sprint(i), fmt.Sprint(i)), nil)
	}
	if err := b.client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := b.consume()
	<-underWay
	wires.reset()
	cluster.Close()
	close(gone)
	began := time.Now()
	stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to stop, 9 s are promised", took)
	}
	if b.times("not acknowledged") == 0 {
		t.Error("it has ended, and has yet to say that records are not acknowledged")
	}
}
