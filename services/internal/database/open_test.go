package database_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/internal/testenv"
)

// migrations are as many versions as asked for: a table each.
func migrations(versions int) fs.FS {
	files := fstest.MapFS{}
	names := []string{"first", "second", "third"}
	for i, name := range names[:versions] {
		files["migrations/000"+string(rune('1'+i))+"_"+name+".sql"] = &fstest.MapFile{
			Data: []byte("-- +goose Up\nCREATE TABLE " + name + " (id bigint PRIMARY KEY, name text NOT NULL);\n"),
		}
	}
	return files
}

func schema(versions int) database.Schema {
	return database.Schema{Name: "order_service", PostgreSQL: migrations(versions), SQLite: migrations(versions)}
}

var quiet = slog.New(slog.DiscardHandler)

// mustOpen opens a database that is there, and closes it when the test ends.
func mustOpen(t *testing.T, url string, versions int) *database.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := database.Open(ctx, database.Config{URL: url}, schema(versions), quiet, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// opening is an Open that waits.
type opening struct {
	t       *testing.T
	mu      sync.Mutex
	reports []string
	log     bytes.Buffer
	done    chan error
	db      *database.DB
	stop    context.CancelFunc
}

func startOpening(t *testing.T, c database.Config, versions int) *opening {
	o := &opening{t: t, done: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	o.stop = stop
	t.Cleanup(stop)
	go func() {
		var err error
		o.db, err = database.Open(ctx, c, schema(versions), slog.New(slog.NewTextHandler(&o.log, nil)), o.report)
		o.done <- err
	}()
	return o
}

func (o *opening) report(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	o.reports = append(o.reports, text)
}

// awaitReport waits until what is being waited for is what it is now.
func (o *opening) awaitReport(part string) {
	o.t.Helper()
	testenv.Eventually(o.t, "it reports "+part, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.reports) > 0 && strings.Contains(o.reports[len(o.reports)-1], part)
	})
}

func (o *opening) reported() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.reports)
}

// end waits for Open to return.
func (o *opening) end() (*database.DB, error) {
	o.t.Helper()
	select {
	case err := <-o.done:
		if err == nil {
			o.t.Cleanup(o.db.Close)
		}
		return o.db, err
	case <-time.After(time.Minute):
		o.t.Fatalf("Open still waits: %v", o.reported())
		return nil, nil
	}
}

func TestOpenThatIsStoppedWhileItWaitsSaysThatItWasStopped(t *testing.T) {
	t.Parallel()
	o := startOpening(t, database.Config{URLFile: t.TempDir() + "/not-yet"}, 1)
	o.awaitReport("not-yet")
	o.stop()
	if _, err := o.end(); !errors.Is(err, context.Canceled) {
		t.Errorf("want %v, got %v", context.Canceled, err)
	}
}
