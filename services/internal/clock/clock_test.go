package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/openorder/openorder/services/internal/clock"
)

func TestAClockThatJumpedIsNotTrustedForAsLongAsAsked(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": 10 * time.Hour, "backward": -10 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j clock.Jumps
				ahead := time.Duration(0)
				quiet := func() bool { return j.Quiet(time.Now().Add(ahead), 24*time.Hour) }
				for range 100 {
					if !quiet() {
						t.Fatal("an even clock is not trusted")
					}
					time.Sleep(time.Minute)
				}
				ahead = jump
				for range 24 * 60 {
					if quiet() {
						t.Fatal("a clock that jumped is trusted")
					}
					time.Sleep(time.Minute)
				}
				if !quiet() {
					t.Fatal("not trusted a day after")
				}
			})
		})
	}
}

func TestAClockThatIsSetBySecondsIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j clock.Jumps
		for second := range 100 {
			if !j.Quiet(time.Now().Add(time.Duration(second)*time.Second), time.Hour) {
				t.Fatal("not trusted")
			}
			time.Sleep(time.Minute)
		}
	})
}
