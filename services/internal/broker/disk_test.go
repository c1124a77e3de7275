package broker_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/broker"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestWhatWasAcknowledgedWhileTheDiskFilledUpSurvivesKill9(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	dir := filepath.Join(disk, "broker")
	p := startProcess(t, dir)
	acks, stop := produceWithoutEnd(t, p, 0)
	var acknowledged []string
	for len(acknowledged) < 200 {
		acknowledged = append(acknowledged, <-acks)
	}
	free := testenv.Fill(t, disk)
	p.kill()
	stop()
	for value := range acks {
		acknowledged = append(acknowledged, value)
	}
	free()
	allThere(t, startProcess(t, dir), acknowledged)
}

func TestWhatTheFullDiskKeptFromBeingMendedIsMendedOnceThereIsRoom(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	dir := filepath.Join(disk, "torn")
	p := startProcess(t, dir)
	commit(t, p.address, event.GroupInventory, event.TopicOrderCreated, 1)
	p.kill()
	tear(t, filepath.Join(dir, "groups.log"))
	free := testenv.Fill(t, disk)
	if b, err := broker.Start(config(dir)); err == nil {
		b.Close()
		t.Error("it starts with data that it could not mend")
	} else if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) {
		t.Errorf("want one line that names the directory, got %v", err)
	}
	free()

	p = startProcess(t, dir)
	commit(t, p.address, event.GroupInventory, event.TopicOrderCreated, 2)
	p.kill() // whatever came behind the torn write would be lost now
	p = startProcess(t, dir)
	if offset := committed(t, p.address, event.GroupInventory, event.TopicOrderCreated); offset != 2 {
		t.Errorf("want offset 2, got %d", offset)
	}
}

func TestABrokerThatWasStoppedStartsOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := testenv.SmallDisk(t)
	dir := filepath.Join(disk, "stopped")
	b := start(t, config(dir))
	produce(t, client(t, b.Address()), record(event.TopicOrderCreated, "1"))
	b.Close()
	testenv.Fill(t, disk)
	b = start(t, config(dir))
	t.Cleanup(b.Close)
	if diff := cmp.Diff([]string{"1"}, values(t, b.Address(), event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
