package reconcile

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openorder/openorder/services/topic"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// memory is what this process knows of a resource beyond what the API server does. Nothing that must survive is here:
// without it the controller is slower or more careful, never wrong. One pass at a time works on a resource, so that only
// the map of memories needs a lock.
type memory struct {
	uid types.UID
	// attempted is a create that may have been carried out, though nobody said so, after the topic was seen to be absent.
	attempted   *topic.Desired
	attemptedAt time.Time
	// made is what this process made the resource's topic as, and madeID that topic's id, until the status says so.
	made   *topic.Desired
	madeID string
	// deleted: this process deleted the topic; the finalizer still stands.
	deleted bool

	absent   time.Time // since when the managed topic is not to be seen
	troubled time.Time // since when passes end without a result
	tries    int

	answered annotations // that the last result took into account

	partitions    int32 // last asked for
	replicas      int32 // last asked for
	replicasAsked time.Time

	told   []topic.Change // changes of which events tell, and which the brokers do not show yet
	untold []happening    // changes made by passes whose status did not come to stand

	wrote   uint64 // resourceVersion of our last write
	wroteAt time.Time
}

// annotations are those that a pass reads.
type annotations struct{ accept, confirm string }

func annotationsOf(resource *v1alpha1.KafkaTopic) annotations {
	return annotations{resource.Annotations[v1alpha1.AcceptTopicID], resource.Annotations[v1alpha1.ConfirmDeletion]}
}

type memories struct {
	mu sync.Mutex
	m  map[types.NamespacedName]*memory
}

func (ms *memories) of(resource *v1alpha1.KafkaTopic) *memory {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.m == nil {
		ms.m = map[types.NamespacedName]*memory{}
	}
	m := ms.m[resource.Key()]
	if m == nil || m.uid != resource.UID {
		m = &memory{uid: resource.UID}
		ms.m[resource.Key()] = m
	}
	return m
}

func (ms *memories) forget(key types.NamespacedName) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	delete(ms.m, key)
}

// ahead tells that the cache shows the resource as it was before our own last write. It is believed for a moment only.
func (m *memory) ahead(resource *v1alpha1.KafkaTopic) bool {
	shown, err := strconv.ParseUint(resource.ResourceVersion, 10, 64)
	return err == nil && shown < m.wrote && time.Since(m.wroteAt) < 2*time.Second
}

func (m *memory) noteWrite(resource *v1alpha1.KafkaTopic) {
	m.wrote, _ = strconv.ParseUint(resource.ResourceVersion, 10, 64)
	m.wroteAt = time.Now()
}

// trouble notes that a pass ended without a result, and returns how long that has been so.
func (m *memory) trouble() time.Duration {
	if m.troubled.IsZero() {
		m.troubled = time.Now()
	}
	m.tries++
	return time.Since(m.troubled)
}

// calm notes that nothing is waited for: what comes next has its own beginning.
func (m *memory) calm() { m.troubled, m.tries, m.absent = time.Time{}, 0, time.Time{} }

// pause grows from 100 ms to 5 s with each try.
func (m *memory) pause() time.Duration {
	return min(100*time.Millisecond<<min(m.tries, 10), 5*time.Second)
}

// gone tells whether the topic has been absent for long enough to believe it.
func (m *memory) gone() bool {
	if m.absent.IsZero() {
		m.absent = time.Now()
	}
	return time.Since(m.absent) >= confirmAbsence
}

func (m *memory) disown() { m.attempted, m.made, m.madeID = nil, nil, "" }

// attempt notes a create that may have been carried out.
func (m *memory) attempt(desired *topic.Desired) { m.attempted, m.attemptedAt = desired, time.Now() }

// keys are those of the configuration that the topic was made with, or may have been.
func (m *memory) keys() []string {
	asked := cmp.Or(m.attempted, m.made)
	if asked == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(asked.Config))
}

// ineffective remembers the configuration that the brokers take without effect, so that it is not set again at each
// sweep. It forgets after an hour, for brokers are upgraded.
type ineffective struct {
	mu sync.Mutex
	m  map[string]time.Time
}

func (i *ineffective) add(what string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.m == nil {
		i.m = map[string]time.Time{}
	}
	maps.DeleteFunc(i.m, func(_ string, at time.Time) bool { return expired(at) })
	i.m[what] = time.Now()
}

func expired(at time.Time) bool { return time.Since(at) > time.Hour }

func (i *ineffective) has(what string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, ok := i.m[what]
	if ok && expired(at) {
		delete(i.m, what)
		return false
	}
	return ok
}
