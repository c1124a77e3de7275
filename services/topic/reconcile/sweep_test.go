package reconcile

import (
	"testing"
	"time"
)

func TestSweepsOfSeveralControllersDriftApart(t *testing.T) {
	t.Parallel()
	s := &sweeper{every: time.Minute}
	least, most := s.jittered(), s.jittered()
	for range 1000 {
		next := s.jittered()
		least, most = min(least, next), max(most, next)
	}
	if least < 54*time.Second || most > 66*time.Second || most-least < 6*time.Second {
		t.Errorf("from %s to %s: a minute, give or take a tenth", least, most)
	}
}
