package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// life is what the databases and topics say of one order.
type life struct {
	order    string // its status; empty: the order service does not hold it
	awaited  bool
	outcome  string   // stored by inventory
	sku      string   // of its one item
	events   []string // statuses of its outcome events
	cause    string   // of the events; empty: the order's own event
	eventIDs []string // of the events; default: the deterministic one
	letter   bool
	unread   bool // its events and letter came after what the groups have committed
	deciding bool // its order.created came after what inventory has committed
	told     string
	toldOff  bool // told that it failed
	rows     []noticeFact
	notices  int64 // default: as many as there are rows
	decided  time.Time
}

func row(status string) noticeFact { return noticeFact{status, "log", "delivered"} }

// lived is an order that came to an outcome with nothing amiss.
func lived(status string) life {
	return life{order: status, outcome: status, events: []string{status}, told: status, rows: []noticeFact{row(status)}}
}

func with(l life, change func(*life)) life {
	change(&l)
	return l
}

// stockRow is what inventory says of a sku.
type stockRow struct{ onHand, reserved int64 }

// world is a system that stands still.
type world struct {
	t         *testing.T
	brokers   kafka.Config
	urls      map[string]string // of databases, by service
	databases map[string]*database.DB
	producer  *kgo.Client
	postgres  bool
}

// newWorld makes three empty databases without the constraints that keep them consistent, and the topics.
func newWorld(t *testing.T, brokers kafka.Config, postgres bool) *world {
	t.Helper()
	w := &world{t: t, brokers: brokers, urls: map[string]string{}, databases: map[string]*database.DB{}, postgres: postgres}
	log := slog.New(slog.DiscardHandler)
	shared := ""
	if postgres {
		shared = testenv.PostgreSQL(t)
	}
	for _, service := range []string{"order", "inventory", "notification"} {
		w.urls[service] = shared
		if !postgres {
			w.urls[service] = "sqlite:" + filepath.Join(t.TempDir(), service+".db")
		}
		schema := database.Schema{
			Name:       service + "_service",
			PostgreSQL: os.DirFS(filepath.Join("..", service, "postgres")), SQLite: os.DirFS(filepath.Join("..", service, "sqlite")),
		}
		db, err := database.Open(t.Context(), database.Config{URL: w.urls[service]}, schema, log, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		w.databases[service] = db
	}
	w.loosen()
	testenv.Topics(t, brokers, 3)
	producer, err := kgo.NewClient(brokers.Options("test", log)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	w.producer = producer
	return w
}

func (w *world) loosen() {
	if w.postgres {
		w.exec("inventory", `ALTER TABLE stock DROP CONSTRAINT stock_never_oversold`)
		w.exec("notification", `ALTER TABLE notifications DROP CONSTRAINT notifications_pkey`)
		return
	}
	w.exec("inventory", `PRAGMA ignore_check_constraints = 1`)
	w.exec("notification", `ALTER TABLE notifications RENAME TO strict`)
	w.exec("notification", `CREATE TABLE notifications AS SELECT * FROM strict`)
}

func (w *world) exec(service, statement string) {
	w.t.Helper()
	var err error
	if db := w.databases[service]; w.postgres {
		_, err = db.PostgreSQL.Exec(w.t.Context(), statement)
	} else {
		_, err = db.SQLite.Write.ExecContext(w.t.Context(), statement)
	}
	if err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// at, id and list are literals of times, UUIDs and lists of numbers.
func (w *world) at(t time.Time) string {
	if w.postgres {
		return fmt.Sprintf("to_timestamp(%d)", t.Unix())
	}
	return fmt.Sprint(t.UnixMicro())
}

func (w *world) id(id uuid.UUID) string {
	if w.postgres {
		return "'" + id.String() + "'"
	}
	return fmt.Sprintf("X'%x'", id[:])
}

func (w *world) list(ids []int64) string {
	if w.postgres {
		return "'{" + strings.Trim(jsonNumbers(ids), "[]") + "}'"
	}
	return "'" + jsonNumbers(ids) + "'"
}

// ownEvent is the id of an order's order.created event.
func ownEvent(order int64) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, event.Key(order)) }

// live writes lives down, those that the groups have read to the end before the others, and the stock that belongs to
// them beside what is given.
func (w *world) live(lives map[int64]life, stock map[string]stockRow) {
	w.t.Helper()
	now := time.Now()
	taken := map[string]int64{}
	var read, unread []*kgo.Record
	for id, l := range lives {
		if l.sku == "" {
			l.sku = "ABC-001"
		}
		if l.outcome == reserved {
			taken[l.sku]++
		}
		w.liveInDatabases(id, l, now)
		records := w.records(id, l)
		if l.unread {
			unread = append(unread, records...)
		} else {
			read = append(read, records...)
		}
		if l.deciding {
			unread = append(unread, created(id))
		}
	}
	for sku, sum := range taken {
		if _, given := stock[sku]; !given {
			w.exec("inventory", fmt.Sprintf(`INSERT INTO stock (sku, on_hand, reserved, version) VALUES ('%s', 1000, %d, 1)`, sku, sum))
		}
	}
	for sku, s := range stock {
		w.exec("inventory", fmt.Sprintf(`INSERT INTO stock (sku, on_hand, reserved, version) VALUES ('%s', %d, %d, 1)`, sku, s.onHand, s.reserved))
	}
	w.produce(read)
	w.commit()
	w.produce(unread)
}

func (w *world) liveInDatabases(id int64, l life, now time.Time) {
	if l.order != "" {
		w.exec("order", fmt.Sprintf(`INSERT INTO orders (order_id, user_id, created_at, event_id, status, items) VALUES (%d, 42, %s, %s, '%s', '[]')`,
			id, w.at(now), w.id(ownEvent(id)), l.order))
	}
	if l.awaited {
		w.exec("order", fmt.Sprintf(`INSERT INTO order_publications (publication_id, order_ids, created_at, due_at) VALUES (%d, %s, %s, %s)`,
			id, w.list([]int64{id, id + 1_000_000}), w.at(now), w.at(now)))
	}
	if l.outcome != "" {
		if l.decided.IsZero() {
			l.decided = now
		}
		reason := "NULL"
		if l.outcome == rejected {
			reason = "'OUT_OF_STOCK'"
		}
		w.exec("inventory", fmt.Sprintf(`INSERT INTO reservations (order_id, decided_at, fingerprint, items, reason) VALUES (%d, %s, %s, '{"%s":1}', %s)`,
			id, w.at(l.decided), map[bool]string{true: `'\x00'`, false: `X'00'`}[w.postgres], l.sku, reason))
	}
	if l.notices == 0 {
		l.notices = int64(len(l.rows))
	}
	if l.told != "" || l.toldOff {
		w.exec("notification", fmt.Sprintf(`INSERT INTO notification_orders (order_id, failed, outcome, notices) VALUES (%d, %t, '%s', %d)`,
			id, l.toldOff, l.told, l.notices))
	}
	for _, r := range l.rows {
		w.exec("notification", fmt.Sprintf(`
			INSERT INTO notifications (order_id, status, receiver, reason, occurred_at, traceparent, state, attempts, due_at, last_error, created_at, changed_at)
			VALUES (%d, '%s', '%s', '', %[4]s, '', '%[5]s', 0, %[4]s, '', %[4]s, %[4]s)`, id, r.status, r.receiver, w.at(now), r.state))
	}
}

func created(id int64) *kgo.Record {
	value, _ := json.Marshal(event.OrderCreated{EventID: ownEvent(id).String(), OrderID: id, CreatedAt: event.At(time.Now())}) // plain data
	return &kgo.Record{Topic: event.TopicOrderCreated, Key: event.Key(id), Value: value}
}

func (w *world) records(id int64, l life) []*kgo.Record {
	var records []*kgo.Record
	for i, status := range l.events {
		o := event.Outcome{EventID: event.OutcomeEventID(id).String(), OrderID: id, Timestamp: event.At(time.Now()), Status: status}
		if i < len(l.eventIDs) {
			o.EventID = l.eventIDs[i]
		}
		cause := l.cause
		if cause == "" {
			cause = ownEvent(id).String()
		}
		value, _ := json.Marshal(o) // plain data
		records = append(records, &kgo.Record{Topic: o.Topic(), Key: event.Key(id), Value: value, Headers: []kgo.RecordHeader{
			{Key: event.HeaderCausation, Value: []byte(cause)},
		}})
	}
	if l.letter {
		letter := created(id)
		letter.Topic = event.TopicDeadLetter
		letter.Headers = []kgo.RecordHeader{
			{Key: kafka.HeaderOriginalTopic, Value: []byte(event.TopicOrderCreated)},
			{Key: kafka.HeaderOriginalGroup, Value: []byte(event.GroupInventory)},
		}
		records = append(records, letter)
	}
	return records
}

func (w *world) produce(records []*kgo.Record) {
	w.t.Helper()
	if err := w.producer.ProduceSync(w.t.Context(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// expire takes all records out of a topic, as its retention does.
func (w *world) expire(topic string) {
	w.t.Helper()
	admin := testenv.Admin(w.t, w.brokers)
	ends, err := admin.ListEndOffsets(w.t.Context(), topic)
	if err == nil {
		_, err = admin.DeleteRecords(w.t.Context(), ends.Offsets())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// commit makes every group have finished what is there.
func (w *world) commit() {
	w.t.Helper()
	admin := testenv.Admin(w.t, w.brokers)
	ends, err := admin.ListEndOffsets(w.t.Context(), event.TopicOrderCreated, event.TopicInventoryReserved, event.TopicInventoryRejected, event.TopicDeadLetter)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, group := range []string{event.GroupOrder, event.GroupInventory, event.GroupNotification} {
		if err := admin.CommitAllOffsets(w.t.Context(), group, ends.Offsets()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) config() Config {
	return Config{
		Kafka: w.brokers, Order: w.urls["order"], Inventory: w.urls["inventory"], Notification: w.urls["notification"],
		Log: slog.New(slog.DiscardHandler), RunLength: 5,
	}
}

func (w *world) audit() Report {
	w.t.Helper()
	report, err := Run(context.WithoutCancel(w.t.Context()), w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// brokenIn counts the breaches of each invariant that is broken.
func brokenIn(r Report) map[string]int64 {
	counts := map[string]int64{}
	for _, c := range r.Invariants {
		if c.Broken > 0 {
			counts[c.Invariant] = c.Broken
		}
	}
	return counts
}
