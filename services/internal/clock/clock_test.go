package clock

import (
	"testing"
	"time"
)

// machine has a wall clock, and one that counts the time that passes.
type machine struct {
	wall   time.Time
	passed time.Duration
	jumps  Jumps
}

func newMachine() *machine {
	m := &machine{wall: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), passed: time.Hour}
	m.jumps.passed = func() time.Duration { return m.passed }
	return m
}

func (m *machine) pass(d time.Duration) { m.wall, m.passed = m.wall.Add(d), m.passed+d }

func (m *machine) quiet() bool { return m.jumps.Quiet(m.wall, 24*time.Hour) }

func TestAClockThatJumpedIsNotTrustedForAsLongAsAsked(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": 10 * time.Hour, "backward": -10 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			for range 100 {
				if !m.quiet() {
					t.Fatal("an even clock is not trusted")
				}
				m.pass(time.Minute)
			}
			m.wall = m.wall.Add(jump)
			for range 24 * 60 {
				if m.quiet() {
					t.Fatal("a clock that jumped is trusted")
				}
				m.pass(time.Minute)
			}
			if !m.quiet() {
				t.Fatal("not trusted a day after")
			}
		})
	}
}

func TestAClockThatIsSetBySecondsIsTrusted(t *testing.T) {
	m := newMachine()
	for range 100 {
		if !m.quiet() {
			t.Fatal("not trusted")
		}
		m.pass(time.Minute)
		m.wall = m.wall.Add(time.Second)
	}
}

func TestThisMachinesTimePasses(t *testing.T) {
	before, began := sinceBoot(), time.Now()
	for sinceBoot() == before && time.Since(began) < time.Second {
	}
	if passed := sinceBoot() - before; passed <= 0 || passed > time.Since(began)+tolerance {
		t.Errorf("%s passed in %s", passed, time.Since(began))
	}
}
