package broker_test

import (
	"path/filepath"
	"testing"

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
