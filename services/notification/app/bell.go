package app

// bell wakes every courier when something was recorded.
type bell struct{ waiters []chan struct{} }

func newBell(waiters int) *bell {
	b := &bell{waiters: make([]chan struct{}, waiters)}
	for i := range b.waiters {
		b.waiters[i] = make(chan struct{}, 1)
	}
	return b
}

// ring never waits: who is not waiting looks again anyway, because one ring is kept.
func (b *bell) ring() {
	for _, waiter := range b.waiters {
		select {
		case waiter <- struct{}{}:
		default:
		}
	}
}
