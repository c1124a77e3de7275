package broker_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/openorder/openorder/services/internal/broker"
	"github.com/openorder/openorder/services/internal/event"
)

const childDir = "OPENORDER_TEST_BROKER_DIR"

// TestMain is a broker when it is told to be one: a process that tests can kill.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := broker.Start(config(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(b.Address())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
}

// process is a broker in a process of its own.
type process struct {
	address string
	kill    func()
}

func startProcess(t *testing.T, dir string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = stdin.Close() }
	t.Cleanup(kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(fmt.Errorf("the broker's process does not start: %w", err))
	}
	return process{strings.TrimSpace(line), kill}
}

func TestWhatWasAcknowledgedSurvivesKill9(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var acknowledged []string
	for round := range 3 {
		p := startProcess(t, dir)
		if round > 0 {
			if got := committed(t, p.address, event.GroupInventory, event.TopicOrderCreated); got != int64(round) {
				t.Errorf("round %d: want offset %d, got %d", round, round, got)
			}
		}
		commit(t, p.address, event.GroupInventory, event.TopicOrderCreated, int64(round+1))
		acknowledged = append(acknowledged, produceUntilKilled(t, p, round, 200)...)
	}
	allThere(t, startProcess(t, dir), acknowledged)
}

// produceUntilKilled kills the broker in the midst of producing, and tells what it had acknowledged.
func produceUntilKilled(t *testing.T, p process, round, atLeast int) (acknowledged []string) {
	t.Helper()
	acks, stop := produceWithoutEnd(t, p, round)
	for value := range acks {
		acknowledged = append(acknowledged, value)
		if len(acknowledged) == atLeast {
			p.kill()
			stop()
		}
	}
	return acknowledged
}

// produceWithoutEnd produces until it is stopped, and tells what is acknowledged.
func produceWithoutEnd(t *testing.T, p process, round int) (acknowledged <-chan string, stop func()) {
	t.Helper()
	cl := client(t, p.address, kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100))
	acks := make(chan string, 1000)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		defer close(acks)
		var outcomes sync.WaitGroup
		defer outcomes.Wait()
		defer cl.Close() // fails what is still on its way
		for i := 0; ctx.Err() == nil; i++ {
			value := fmt.Sprintf("%d-%d", round, i)
			outcomes.Add(1)
			cl.Produce(ctx, record(event.TopicOrderCreated, value), func(_ *kgo.Record, err error) {
				defer outcomes.Done()
				if err == nil {
					acks <- value
				}
			})
		}
	}()
	return acks, stop
}

// allThere checks that what was acknowledged is in the topic, once.
func allThere(t *testing.T, p process, acknowledged []string) {
	t.Helper()
	got := map[string]bool{}
	for _, value := range values(t, p.address, event.TopicOrderCreated) {
		if got[value] {
			t.Errorf("%s is there twice", value)
		}
		got[value] = true
	}
	for _, value := range acknowledged {
		if !got[value] {
			t.Errorf("%s was acknowledged and is lost", value)
		}
	}
}

func TestATransactionThatACrashInterruptedIsAborted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data [1]") // which is no pattern
	p := startProcess(t, dir)
	cl := client(t, p.address, kgo.TransactionalID("redrive"))
	transaction(t, cl, kgo.TryCommit, "committed before")
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, record(event.TopicOrderCreated, "interrupted"))
	p.kill()
	if err := os.WriteFile(filepath.Join(dir, "partitions", ".DS_Store"), nil, 0o600); err != nil { // as macOS does where one looks
		t.Fatal(err)
	}

	p = startProcess(t, dir)
	transaction(t, client(t, p.address, kgo.TransactionalID("redrive")), kgo.TryCommit, "committed after")
	want := []string{"committed before", "committed after"}
	if diff := cmp.Diff(want, values(t, p.address, event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// Clients from before KIP-890 keep their epoch from one transaction to the next.
func TestAnOlderClientsTransactionThatACrashInterruptedIsAbortedToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startProcess(t, dir)
	cl := client(t, p.address, kgo.TransactionalID("theirs"), kgo.MaxVersions(kversion.V3_0_0()))
	transaction(t, cl, kgo.TryCommit, "committed before")
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, record(event.TopicOrderCreated, "interrupted"))
	p.kill()

	p = startProcess(t, dir)
	if diff := cmp.Diff([]string{"committed before"}, values(t, p.address, event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestATransactionThatWasBeingCommittedIsCommittedEverywhere(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]*kversion.Versions{"a client of today": kversion.Stable(), "one from before KIP-890": kversion.V3_0_0()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := startProcess(t, dir)
			cl := client(t, p.address, kgo.TransactionalID("redrive"), kgo.MaxVersions(version))
			transaction(t, cl, kgo.TryCommit, "an earlier one")
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produce(t, cl, record(event.TopicOrderCreated, "redriven"), record(event.TopicDeadLetter, "its trail"))
			if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
			p.kill()
			forgetLast(t, filepath.Join(dir, "partitions", event.TopicOrderCreated+"-0", "0"))

			p = startProcess(t, dir)
			transaction(t, client(t, p.address, kgo.TransactionalID("redrive")), kgo.TryCommit, "a later one")
			want := []string{"an earlier one", "redriven", "a later one"}
			if diff := cmp.Diff(want, values(t, p.address, event.TopicOrderCreated)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// forgetLast takes the last batch off a segment, and its index entry, as if the crash had come before it was written.
func forgetLast(t *testing.T, segment string) {
	t.Helper()
	raw, err := os.ReadFile(segment + ".dat")
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for at := 0; at < len(raw); at += 12 + int(binary.BigEndian.Uint32(raw[at+8:])) {
		last = at
	}
	index, err := os.Stat(segment + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Truncate(segment+".dat", int64(last)), os.Truncate(segment+".idx", index.Size()-15)); err != nil {
		t.Fatal(err)
	}
}

func TestAnIndexEntryThatACrashPreventedIsAdded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startProcess(t, dir)
	cl := client(t, p.address, kgo.TransactionalID("redrive"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, record(event.TopicOrderCreated, "interrupted"))
	p.kill()
	index := filepath.Join(dir, "partitions", event.TopicOrderCreated+"-0", "0.idx")
	if err := os.Truncate(index, 0); err != nil {
		t.Fatal(err)
	}

	p = startProcess(t, dir)
	produce(t, client(t, p.address), record(event.TopicOrderCreated, "later"))
	p.kill()
	p = startProcess(t, dir)
	if diff := cmp.Diff([]string{"later"}, values(t, p.address, event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestATornWriteCostsNothingButItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startProcess(t, dir)
	produce(t, client(t, p.address), record(event.TopicOrderCreated, "1"))
	commit(t, p.address, event.GroupInventory, event.TopicOrderCreated, 1)
	p.kill()
	for _, pattern := range []string{"groups.log", "pids.log", "partitions/order.created-0/*.dat"} {
		tear(t, filepath.Join(dir, pattern))
	}

	p = startProcess(t, dir)
	produce(t, client(t, p.address), record(event.TopicOrderCreated, "2"))
	commit(t, p.address, event.GroupInventory, event.TopicOrderCreated, 2)
	p.kill() // whatever came behind the torn write would be lost now

	p = startProcess(t, dir)
	if diff := cmp.Diff([]string{"1", "2"}, values(t, p.address, event.TopicOrderCreated)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if offset := committed(t, p.address, event.GroupInventory, event.TopicOrderCreated); offset != 2 {
		t.Errorf("want offset 2, got %d", offset)
	}
}

// tear appends half an entry, as a machine that loses its power in the midst of a write does.
func tear(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s: %v %v", pattern, paths, err)
	}
	file, err := os.OpenFile(paths[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte{0x40, 0, 0, 0, 1, 2, 3, 4, 1, 0, '{', '"'}); err != nil {
		t.Fatal(err)
	}
}
