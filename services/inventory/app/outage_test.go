package app_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory/app"
)

// outage is something that goes wrong for a while.
type outage struct {
	begin, end func()
	failures   float64 // attempts to wait for
}

const (
	beyondTheProbe = 5 // more than it takes before a record that fails alone is put to the probe
	someOfThem     = 2 // where each takes seconds
)

// wantOutlived places orders before, during and after an outage and wants every one decided, once, and none
// dead-lettered. During it each order comes alone, so that a record that fails is put to the probe.
func wantOutlived(s *system, config *app.Config, outage outage) {
	s.Helper()
	s.put("A", 100_000)
	running := s.run(config)
	s.place(20, "A")
	s.wantTold()
	outage.begin()
	s.place(1, "A")
	before := running.metric(`openorder_consumer_retries_total{cause="outage"`)
	testenv.Eventually(s, "the outage is noticed again and again", func() bool {
		return running.metric(`openorder_consumer_retries_total{cause="outage"`) >= before+outage.failures
	})
	if status, text := running.ask("GET", running.admin+"/readyz?verbose", ""); status != 200 || !strings.Contains(text, "kafka:") {
		s.Errorf("readyz during the outage: %d %s; want 200, and what is waited for", status, text)
	}
	s.place(20, "A")
	outage.end()
	s.place(20, "A")
	s.wantTold()
	s.wantSound()
}

func TestAnOutageOfPostgreSQLDeadLettersNothing(t *testing.T) {
	for name, begin := range map[string]func(s *system) (config *app.Config, o outage){
		"read-only":             readOnly,
		"a right is missing":    statements(`REVOKE INSERT ON inventory_service.reservations FROM CURRENT_USER`, `GRANT INSERT ON inventory_service.reservations TO CURRENT_USER`),
		"a table is missing":    statements(`ALTER TABLE inventory_service.reservations RENAME TO away`, `ALTER TABLE inventory_service.away RENAME TO reservations`),
		"a table is made again": tableMadeAgain,
		"the schema is missing": statements(`ALTER SCHEMA inventory_service RENAME TO away`, `ALTER SCHEMA away RENAME TO inventory_service`),
		"the disk is full":      refusals("53100"),
		"out of memory":         refusals("53200"),
		"I/O errors":            refusals("58030"),
		"deadlocks":             refusals("40P01"),
		"a lock is not given":   lockHeld,
		"the server is gone":    serverGone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := testenv.PostgreSQL(t)
			_, brokers := testenv.FakeKafka(t)
			s := newSystem(t, brokers, url)
			config, outage := begin(s)
			wantOutlived(s, config, outage)
		})
	}
}

// execute runs statements on the database, whatever is wrong with it.
func execute(s *system, statements ...string) {
	s.Helper()
	conn, err := pgx.Connect(context.Background(), s.url)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			s.Fatal(err)
		}
	}
}

func statements(begin, end string) func(s *system) (*app.Config, outage) {
	return func(s *system) (*app.Config, outage) {
		return s.config(), outage{func() { execute(s, begin) }, func() { execute(s, end) }, beyondTheProbe}
	}
}

// readOnly is what a standby, or a server with a full disk that its operator protects, looks like. It begins and ends
// with new connections, as a failover does.
func readOnly(s *system) (*app.Config, outage) {
	const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	const alter = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = `
	const done = `', current_database()); END $$`
	return s.config(), outage{
		func() { execute(s, alter+`on`+done, others) },
		func() { execute(s, `SET default_transaction_read_only = off`, alter+`off`+done, others) },
		beyondTheProbe,
	}
}

// tableMadeAgain leaves statements prepared for a table that is not the one of that name any more.
func tableMadeAgain(s *system) (*app.Config, outage) {
	return s.config(), outage{
		func() {
			execute(s, `CREATE TABLE inventory_service.kept AS SELECT * FROM inventory_service.reservations`, `DROP TABLE inventory_service.reservations`)
		},
		func() {
			execute(s, `CREATE TABLE inventory_service.reservations (order_id bigint PRIMARY KEY, decided_at timestamptz NOT NULL,
				fingerprint bytea NOT NULL, items text NOT NULL, reason text, lacking text)`,
				`INSERT INTO inventory_service.reservations SELECT * FROM inventory_service.kept`)
		},
		beyondTheProbe,
	}
}

// refusals makes the server refuse each outcome with an error of its own choice.
func refusals(code string) func(s *system) (*app.Config, outage) {
	return statements(fmt.Sprintf(`CREATE FUNCTION inventory_service.refuse() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '%s'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON inventory_service.reservations FOR EACH ROW EXECUTE FUNCTION inventory_service.refuse()`, code),
		`DROP TRIGGER refuse ON inventory_service.reservations`)
}

// lockHeld is a maintenance job that keeps the stock to itself.
func lockHeld(s *system) (*app.Config, outage) {
	conn, err := pgx.Connect(s.Context(), s.url)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close(context.Background()) })
	try := func(statement string) {
		if _, err := conn.Exec(s.Context(), statement); err != nil {
			s.Fatal(err)
		}
	}
	return s.config(), outage{
		func() { try(`BEGIN`); try(`LOCK TABLE inventory_service.stock IN ACCESS EXCLUSIVE MODE`) },
		func() { try(`COMMIT`) },
		someOfThem,
	}
}

// serverGone reaches the server through a wire that can be cut.
func serverGone(s *system) (*app.Config, outage) {
	u, err := url.Parse(s.url)
	if err != nil {
		s.Fatal(err)
	}
	wire := newWire(s, u.Host)
	u.Host = wire.address
	config := s.config()
	config.Database.URL = u.String()
	return config, outage{wire.cut, wire.mend, beyondTheProbe}
}

func TestAnOutageOfSQLiteDeadLettersNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin, end string
		failures   float64
	}{
		"a table is missing": {`ALTER TABLE reservations RENAME TO away`, `ALTER TABLE away RENAME TO reservations`, beyondTheProbe},
		"the file is locked": {`BEGIN IMMEDIATE`, `COMMIT`, someOfThem},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t)
			path := filepath.Join(t.TempDir(), "inventory.db")
			s := newSystem(t, brokers, "sqlite:"+path)
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
			if err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(1)
			t.Cleanup(func() { db.Close() })
			do := func(statement string) func() {
				return func() {
					if _, err := db.ExecContext(context.Background(), statement); err != nil {
						t.Fatal(err)
					}
				}
			}
			wantOutlived(s, s.config(), outage{do(test.begin), do(test.end), test.failures})
		})
	}
}

func TestAServiceThatStartsBeforeItsDatabaseWaitsForIt(t *testing.T) {
	t.Parallel()
	_, brokers := testenv.FakeKafka(t)
	s := newSystem(t, brokers, testenv.PostgreSQL(t))
	config, outage := serverGone(s)
	outage.begin()
	s.put("A", 100)
	s.place(10, "A")
	time.AfterFunc(time.Second, outage.end)
	s.run(config)
	s.wantTold()
	s.wantSound()
}
