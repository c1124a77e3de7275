package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// sound are lives with nothing amiss, one of each kind.
var sound = map[int64]life{
	1: lived(reserved),
	2: lived(rejected),
	3: {order: failed, letter: true, toldOff: true, rows: []noticeFact{row(failed)}},
	4: with(lived(reserved), func(l *life) { // failed, then redriven
		l.letter, l.toldOff, l.rows = true, true, []noticeFact{row(failed), row(reserved)}
	}),
	5: {order: pending, awaited: true},
	6: with(lived(reserved), func(l *life) { l.events = []string{reserved, reserved, reserved} }), // repeated
	7: with(lived(rejected), func(l *life) { l.order, l.cause = "", uuid.NewString() }),           // of another system
	8: with(lived(reserved), func(l *life) { // to three receivers, one of which is gone
		l.rows = []noticeFact{row(reserved), {reserved, "webhook_a", "gone"}, {reserved, "webhook_b", "pending"}}
	}),
	9: with(lived(reserved), func(l *life) { l.letter = true }), // a late letter, not told
}

// underway are lives that are not over.
var underway = map[int64]life{
	11: {order: pending, awaited: true, outcome: reserved, deciding: true},
	12: {order: pending, awaited: true, outcome: reserved, events: []string{reserved}, unread: true},
	13: {order: failed, letter: true, toldOff: true, rows: []noticeFact{row(failed)}, outcome: rejected, deciding: true},
	14: {order: failed, letter: true, outcome: rejected, events: []string{rejected}, unread: true},
	15: {order: pending, awaited: true, letter: true, unread: true},
	16: {order: pending, awaited: true, outcome: reserved, events: []string{reserved}, cause: uuid.NewString(), told: reserved, rows: []noticeFact{row(reserved)}},
	17: with(lived(reserved), func(l *life) { l.events, l.deciding = nil, true }),
}

// breaches are lives that cannot be, and the invariants that each breaks.
var breaches = map[int64]struct {
	name   string
	life   life
	breaks []Invariant
}{
	101: {"a lost order", life{order: pending}, []Invariant{OrdersResolved}},
	102: {"a failed order whose letter is lost", life{order: failed, toldOff: true, rows: []noticeFact{row(failed)}}, []Invariant{OrdersResolved}},
	103: {"a reserved order that inventory does not know", with(lived(reserved), func(l *life) { l.outcome = "" }),
		[]Invariant{OrdersResolved, EventOutcome, OrderStatus, ToldTruth}},
	104: {"events of two outcomes", with(lived(reserved), func(l *life) { l.events = []string{reserved, rejected} }), []Invariant{OneOutcome, EventOutcome}},
	105: {"events of two ids", with(lived(reserved), func(l *life) {
		l.events, l.eventIDs = []string{reserved, reserved}, []string{uuid.NewString(), "not a UUID"}
	}), []Invariant{OneOutcome}},
	106: {"an outcome without its event", with(lived(reserved), func(l *life) { l.events = nil }), []Invariant{OutcomeEvent}},
	107: {"an outcome with another event", with(lived(reserved), func(l *life) {
		l.events, l.told, l.rows = []string{rejected}, rejected, []noticeFact{row(rejected)}
	}), []Invariant{OutcomeEvent, EventOutcome, ToldTruth}},
	108: {"an event out of nothing", life{events: []string{rejected}, told: rejected, rows: []noticeFact{row(rejected)}}, []Invariant{EventOutcome, ToldTruth}},
	109: {"a status other than the outcome", with(lived(reserved), func(l *life) { l.order = rejected }), []Invariant{OrderStatus}},
	110: {"an outcome that was read and not applied", with(lived(reserved), func(l *life) { l.order, l.awaited = pending, true }), []Invariant{OrderStatus}},
	111: {"a failed order whose outcome never comes", with(lived(reserved), func(l *life) {
		l.order, l.cause = failed, uuid.NewString()
	}), []Invariant{OrderStatus}},
	112: {"an outcome that nobody was told", with(lived(reserved), func(l *life) { l.told, l.rows = "", nil }), []Invariant{Notified}},
	113: {"a failure that nobody was told", life{order: failed, letter: true}, []Invariant{Notified}},
	114: {"a receiver forgotten", with(lived(reserved), func(l *life) { l.notices = 2 }), []Invariant{Notified}},
	115: {"a row of something never decided", with(lived(reserved), func(l *life) { l.rows = append(l.rows, row(failed)) }), []Invariant{Notified}},
	116: {"a receiver told twice", with(lived(reserved), func(l *life) { l.rows = append(l.rows, row(reserved)) }), []Invariant{ToldOnce}},
	117: {"a receiver told two outcomes", with(lived(reserved), func(l *life) { l.rows = append(l.rows, row(rejected)) }), []Invariant{Notified, ToldOnce}},
	118: {"a receiver told the wrong outcome", with(lived(reserved), func(l *life) {
		l.told, l.rows = rejected, []noticeFact{row(rejected)}
	}), []Invariant{ToldTruth}},
}

// badStock is stock that cannot be.
var badStock = map[string]struct {
	row    stockRow
	breaks []Invariant
}{
	"MORE-RESERVED-THAN-SOLD": {stockRow{10, 3}, []Invariant{ReservedSum}},
	"OVERSOLD":                {stockRow{2, 3}, []Invariant{NotOversold, ReservedSum}},
	"NEGATIVE":                {stockRow{2, -1}, []Invariant{NotOversold, ReservedSum}},
}

func TestASoundSystemIsFoundSound(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		w := newWorld(t, brokers, strings.HasSuffix(t.Name(), "/kafka"))
		lives := map[int64]life{}
		for _, some := range []map[int64]life{sound, underway} {
			for id, l := range some {
				lives[id] = l
			}
		}
		w.live(lives, map[string]stockRow{"NEVER-SOLD": {10, 0}})
		w.produce([]*kgo.Record{
			{Topic: event.TopicInventoryReserved, Value: []byte("{")},  // dead-lettered by who reads it
			{Topic: event.TopicDeadLetter, Value: []byte("elsewhere")}, // not of an order
		})
		report := w.audit()
		for _, c := range report.Invariants {
			if c.Broken > 0 {
				t.Errorf("%s: %v", c.Invariant, c.Examples)
			}
			if c.Checked == 0 {
				t.Errorf("%s was never checked", c.Invariant)
			}
		}
		want := Totals{
			Orders: 15, Outcomes: 13, Events: 12, DeadLetters: 6, Notifications: 14, SKUs: 2,
			Waiting: 1, Failed: 2, Foreign: 1, Unreadable: 1, Undelivered: 1, Delivering: 1,
		}
		if diff := cmp.Diff(want, report.Totals); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEachBreachBreaksExactlyWhatItBreaks(t *testing.T) {
	t.Parallel()
	for id, breach := range breaches {
		t.Run(breach.name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			w := newWorld(t, brokers, false)
			w.live(map[int64]life{1: sound[1], 5: sound[5], id: breach.life}, nil)
			wantBroken(t, w.audit(), breach.breaks)
		})
	}
	for sku, bad := range badStock {
		t.Run("stock "+sku, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			w := newWorld(t, brokers, false)
			w.live(sound, map[string]stockRow{sku: bad.row})
			wantBroken(t, w.audit(), bad.breaks)
		})
	}
	t.Run("stock oversold by the outcomes", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		w := newWorld(t, brokers, false)
		w.live(map[int64]life{1: sound[1], 4: sound[4]}, map[string]stockRow{"ABC-001": {1, 2}})
		wantBroken(t, w.audit(), []Invariant{NotOversold})
	})
	t.Run("stock whose row is gone", func(t *testing.T) {
		t.Parallel()
		_, brokers := testenv.FakeKafka(t)
		w := newWorld(t, brokers, false)
		w.live(sound, nil)
		w.exec("inventory", `DELETE FROM stock`)
		wantBroken(t, w.audit(), []Invariant{ReservedSum})
	})
}

func wantBroken(t *testing.T, r Report, breaks []Invariant) {
	t.Helper()
	want := map[string]int64{}
	for _, i := range breaks {
		want[i.Name]++
	}
	if diff := cmp.Diff(want, brokenIn(r)); diff != "" {
		t.Errorf("%s\n%+v", diff, r.Invariants)
	}
}

func TestBreachesAreFoundTogetherOnBothDatabases(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		w := newWorld(t, brokers, strings.HasSuffix(t.Name(), "/kafka"))
		var breaks []Invariant
		lives, stock := map[int64]life{}, map[string]stockRow{}
		for id, l := range sound {
			lives[id] = l
		}
		for id, b := range breaches {
			lives[id] = b.life
			breaks = append(breaks, b.breaks...)
		}
		for sku, b := range badStock {
			stock[sku] = b.row
			breaks = append(breaks, b.breaks...)
		}
		w.live(lives, stock)
		report := w.audit()
		wantBroken(t, report, breaks)
		if report.Broken != len(invariants) {
			t.Errorf("%d invariants are broken", report.Broken)
		}
	})
}

func TestAMismatchIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, false)
	w.live(map[int64]life{1: sound[1], 106: breaches[106].life, 101: breaches[101].life}, nil)
	config := w.config()
	a := &auditor{config: config, tally: newTally(), suspects: map[int64]*suspect{}, sorter: newSorter(5), complete: map[string]time.Time{}}
	defer a.sorter.close()
	if err := a.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.reader.close()
	if err := a.lookAtAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{101, 106}, a.broken()); diff != "" {
		t.Fatal(diff)
	}
	w.produce(w.records(106, life{events: []string{reserved}})) // it was only late
	if err := a.lookAtSuspects(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{101}, a.broken()); diff != "" {
		t.Error(diff)
	}
}

// What a group commits between two looks is no commit of a topic that was deleted.
func TestABreachIsNotHiddenByWhatIsCommittedMeanwhile(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, false)
	w.live(map[int64]life{1: sound[1], 106: breaches[106].life}, nil)
	meanwhile := sync.OnceFunc(func() {
		w.produce([]*kgo.Record{created(106)})
		w.commit()
	})
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(meanwhile)
		return nil, nil, false
	})
	wantBroken(t, w.audit(), []Invariant{OutcomeEvent})
}

// An outcome may be older than what its topic still holds.
func TestAnEventThatHasExpiredIsNotMissed(t *testing.T) {
	t.Parallel()
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		w := newWorld(t, brokers, false)
		w.live(map[int64]life{
			1: with(lived(reserved), func(l *life) { l.decided = time.Now().Add(-8 * 24 * time.Hour) }),
			2: with(lived(rejected), func(l *life) { l.decided = time.Now().Add(-8 * 24 * time.Hour) }),
		}, nil)
		w.expire(event.TopicInventoryReserved)
		w.live(map[int64]life{3: with(lived(reserved), func(l *life) { l.sku = "ABC-002" })}, nil)
		report := w.audit()
		wantBroken(t, report, nil)
		if report.Totals.Expired != 1 || report.Totals.Events != 2 {
			t.Errorf("got %+v", report.Totals)
		}
	})
}

// A topic that has lost its beginning holds everything since its first record, if that was not made in a century to come.
func TestABreachIsNotHiddenByARecordOfTheFuture(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, false)
	w.live(map[int64]life{1: lived(reserved)}, nil)
	w.expire(event.TopicInventoryReserved)
	w.produce([]*kgo.Record{{
		Topic: event.TopicInventoryReserved, Key: event.Key(1), Value: []byte("{"), Timestamp: time.Now().AddDate(100, 0, 0),
	}})
	w.produce(w.records(1, lived(reserved)))
	w.live(map[int64]life{106: with(breaches[106].life, func(l *life) { l.sku = "ABC-002" })}, nil)
	wantBroken(t, w.audit(), []Invariant{OutcomeEvent})
}

func TestTheCommandPrintsAndFailsWhenSomethingIsBroken(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	w := newWorld(t, brokers, false)
	w.live(map[int64]life{1: sound[1]}, nil)
	command := Command{Kafka: brokers, Order: w.urls["order"], Inventory: w.urls["inventory"], Notification: w.urls["notification"]}
	var out bytes.Buffer
	log := slog.New(slog.DiscardHandler)
	if err := command.Run(t.Context(), &out, log); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "ok ") != len(invariants) || !strings.Contains(text, "1 orders") {
		t.Errorf("got %s", text)
	}
	w.live(map[int64]life{101: breaches[101].life}, nil)
	command.JSON = true
	out.Reset()
	if err := command.Run(t.Context(), &out, log); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v", err)
	}
	var report Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	wantBroken(t, report, []Invariant{OrdersResolved})
}
