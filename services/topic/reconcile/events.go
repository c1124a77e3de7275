package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"

	"golang.org/x/time/rate"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// The events, each about one change.
const (
	EventCreated         = "Created"
	EventAdopted         = "Adopted"
	EventPartitionsAdded = "PartitionsAdded"
	EventConfigChanged   = "ConfigChanged"
	EventDrifted         = "Drifted"
	EventMissing         = "Missing"
	EventDeleted         = "Deleted"
	EventRetained        = "Retained"
	EventConflict        = "Conflict"
	EventRefused         = "Refused"
)

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

type happening struct{ severity, reason, note string }

// say remembers what happened. It is told once the status stands.
func (p *pass) say(severity, reason, format string, args ...any) {
	p.events = append(p.events, happening{severity, reason, fmt.Sprintf(format, args...)})
}

// verdictEvents are the verdicts that are events of their own, when they are new.
var verdictEvents = map[string]string{
	ReasonConflict: EventConflict, ReasonForbidden: EventRefused, ReasonInvalid: EventRefused, ReasonRefused: EventRefused,
	ReasonNotSupported: EventRefused, ReasonReplaced: EventRefused, ReasonDrifted: EventDrifted, ReasonMissing: EventMissing,
}

// driftVerdicts are the verdicts that tell of drift where the resource had been settled before.
var driftVerdicts = map[string]bool{ReasonDrifted: true, ReasonMissing: true, ReasonReplaced: true, ReasonNotSupported: true}

func (p *pass) sayVerdict(v *verdict) {
	was := meta.FindStatusCondition(p.before.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Reason == v.reason && was.Message == v.message {
		return
	}
	if driftVerdicts[v.reason] && p.drifted() {
		p.Metrics.drift.Inc()
	}
	if reason, tells := verdictEvents[v.reason]; tells {
		p.say(warning, reason, "%s", v.message)
	}
}

// flush hands over what was said.
func (p *pass) flush() {
	for _, e := range append(p.memory.untold, p.events...) {
		p.Events.tell(p.resource, e)
	}
	p.events, p.memory.untold = nil, nil
}

// keep remembers, for a pass whose status does not stand, what was changed: the next one will not find it again.
func (p *pass) keep() {
	for _, e := range p.events {
		changed := e.reason == EventConfigChanged || e.reason == EventPartitionsAdded || e.reason == EventDrifted
		if changed && p.resource.Policy() == v1alpha1.Manage {
			p.memory.untold = append(p.memory.untold, e)
		}
	}
}

// Recorder writes events, slower than changes may come, from a bounded queue that drops rather than delays.
type Recorder struct {
	client  client.Client
	queue   chan *eventsv1.Event
	limit   *rate.Limiter
	log     *slog.Logger
	metrics *Metrics
	host    string
}

const (
	eventQueue = 4096
	eventRate  = 25 // a second: their writes must not compete with those of the statuses

	lastEvents = 2 * time.Second // for those that wait when the controller stops
)

// eventBackoff is 1.3 s of pauses.
var eventBackoff = wait.Backoff{Steps: 4, Duration: 100 * time.Millisecond, Factor: 3}

func newRecorder(c client.Client, metrics *Metrics, log *slog.Logger) *Recorder {
	host, _ := os.Hostname() // which is only told
	return &Recorder{c, make(chan *eventsv1.Event, eventQueue), rate.NewLimiter(eventRate, eventRate), log, metrics, host}
}

func (r *Recorder) tell(resource *v1alpha1.KafkaTopic, e happening) {
	now := metav1.NowMicro()
	name := resource.Name
	suffix := "." + strconv.FormatInt(now.UnixNano(), 16)
	if most := 253 - len(suffix); len(name) > most {
		name = name[:most]
	}
	note := e.note
	if len(note) > 1024 {
		note = note[:1021] + "..."
	}
	told := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: resource.Namespace, Name: name + suffix},
		EventTime:           now,
		ReportingController: "kafka.openorder.io/topic-controller",
		ReportingInstance:   r.host,
		Action:              "Reconcile",
		Type:                e.severity,
		Reason:              e.reason,
		Note:                note,
		Regarding: corev1.ObjectReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind,
			Namespace: resource.Namespace, Name: resource.Name, UID: resource.UID, ResourceVersion: resource.ResourceVersion,
		},
	}
	r.log.Info(e.note, "event", e.reason, "namespace", resource.Namespace, "name", resource.Name)
	select {
	case r.queue <- told:
	default:
		r.metrics.eventsDropped.Inc()
	}
}

// run writes events until ctx is done, and then those that wait, for a little while.
func (r *Recorder) run(ctx context.Context) {
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastEvents, cancel) })()
	for writing.Err() == nil {
		select {
		case told := <-r.queue:
			r.writeOrDrop(writing, told)
			continue
		default:
		}
		select {
		case told := <-r.queue:
			r.writeOrDrop(writing, told)
		case <-ctx.Done():
			return // nothing waits
		}
	}
}

func (r *Recorder) writeOrDrop(ctx context.Context, told *eventsv1.Event) {
	if err := r.write(ctx, told); err != nil {
		r.metrics.eventsDropped.Inc()
		r.log.Debug("event not written", "error", err)
	}
}

// write tries a few times, further and further apart: one answer lost by a busy API server should not cost an event.
func (r *Recorder) write(ctx context.Context, told *eventsv1.Event) error {
	return retry.OnError(eventBackoff, func(err error) bool { return ctx.Err() == nil && passes(err) }, func() error {
		if err := r.limit.Wait(ctx); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return client.IgnoreAlreadyExists(r.client.Create(attempt, told.DeepCopy()))
	})
}

// passes tells that the API server did not answer, or is busy or broken. What it refuses it would refuse again.
func passes(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return true
	}
	code := answer.Status().Code
	return code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500
}
