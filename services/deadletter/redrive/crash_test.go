package redrive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// planVariable makes this test binary a process that redrives, so that it can be killed.
const planVariable = "OPENORDER_TEST_REDRIVE_PLAN"

func TestMain(m *testing.M) {
	text := os.Getenv(planVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var plan redrive.Plan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		panic(err)
	}
	plan.Families = deadletter.Families
	run, err := redrive.Open(context.Background(), plan, slog.New(slog.DiscardHandler))
	if err == nil {
		_, err = run.Run(context.Background(), quiet)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process starts a redrive in a process of its own, five letters a transaction, 50 a second.
func (b *bench) process(change ...func(*redrive.Plan)) *exec.Cmd {
	b.t.Helper()
	plan := b.plan(append(change, func(p *redrive.Plan) { p.Rate, p.Run, p.Families = 50, "killed", nil })...)
	text, err := json.Marshal(plan)
	if err != nil {
		b.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	command := exec.CommandContext(b.t.Context(), self)
	command.Env = append(os.Environ(), planVariable+"="+string(text))
	if err := command.Start(); err != nil {
		b.t.Fatal(err)
	}
	return command
}

// Each step of a run is a request. The process is killed just before the broker handles it, or just before the answer.
func TestKilledAtAnyStepTheNextRunFinishesTheWork(t *testing.T) {
	t.Parallel()
	const initProducerID, produce, endTransaction = 22, 0, 26
	steps := map[string]struct {
		key     int16
		nth     int32
		handled bool
	}{
		"before it took over":                    {initProducerID, 1, false},
		"after it took over":                     {initProducerID, 1, true},
		"before the first records":               {produce, 1, false},
		"after the first records":                {produce, 1, true},
		"before the first entries":               {produce, 2, false},
		"after the first entries":                {produce, 2, true},
		"before the first commit":                {endTransaction, 1, false},
		"after the first commit":                 {endTransaction, 1, true},
		"before the second records":              {produce, 3, false},
		"between the third's records, entries":   {produce, 6, false},
		"after the third's entries":              {produce, 6, true},
		"before the third commit":                {endTransaction, 3, false},
		"after the third commit, not told of it": {endTransaction, 3, true},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, brokers := testenv.FakeKafka(t)
			b := setup(t, brokers)
			letters := springs(25)
			for _, r := range letters {
				r.Partition, r.Headers[5].Value = 0, []byte("0") // one partition: one request a step
			}
			b.bury(letters...)

			var seen atomic.Int32
			var victim atomic.Pointer[exec.Cmd]
			killed := make(chan struct{})
			cluster.ControlKey(step.key, func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if seen.Add(1) != step.nth {
					return nil, nil, false
				}
				process := victim.Load()
				for process == nil { // the process is faster than its start's return
					process = victim.Load()
				}
				_ = process.Process.Kill()
				close(killed)
				return nil, errors.New("the connection is lost"), !step.handled
			})
			process := b.process()
			victim.Store(process)
			<-killed
			if err := process.Wait(); err == nil {
				t.Fatal("the process was not killed")
			}
			b.redrive()
			b.wantEachOnce(25)
		})
	}
}

func TestKilledWheneverTheNextRunFinishesTheWork(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(200)...)
		admin := testenv.Admin(t, brokers)
		for _, least := range []int64{1, 40, 90} {
			process := b.process()
			testenv.Eventually(t, "some letters are redriven", func() bool {
				ends, err := admin.ListEndOffsets(t.Context(), origin)
				var written int64
				for _, end := range ends[origin] {
					written += end.Offset
				}
				return err == nil && written >= least
			})
			_ = process.Process.Kill()
			_ = process.Wait()
		}
		b.redrive()
		b.wantEachOnce(200)
	})
}

func TestAtLeastOnceLosesNothingWhenKilled(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		b := setup(t, brokers)
		b.bury(springs(60)...)
		simple := func(p *redrive.Plan) { p.AtLeastOnce = true }
		process := b.process(simple)
		testenv.Eventually(t, "some letters are redriven", func() bool { return len(b.records(origin)) > 5 })
		_ = process.Process.Kill()
		_ = process.Wait()
		b.redrive(simple)
		seen := map[string]bool{}
		for _, key := range b.keys(origin) {
			seen[key] = true
		}
		if len(seen) != 60 {
			t.Errorf("%d of 60 letters arrived", len(seen))
		}
	})
}

func TestABrokersRefusalEndsTheRunAndTheNextFinishesTheWork(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]int16{"produce": 0, "end of a transaction": 26} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, brokers := testenv.FakeKafka(t)
			b := setup(t, brokers)
			b.bury(springs(12)...)
			var seen atomic.Int32
			cluster.ControlKey(key, func(request kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if seen.Add(1) != 3 {
					return nil, nil, false
				}
				return refuse(request), nil, true
			})
			_, err := b.open(b.plan(func(p *redrive.Plan) { p.Rate = 20 })).Run(t.Context(), quiet)
			if err == nil {
				t.Fatal("the run ended without an error")
			}
			b.redrive()
			b.wantEachOnce(12)
		})
	}
}

func refuse(request kmsg.Request) kmsg.Response {
	switch request := request.(type) {
	case *kmsg.ProduceRequest:
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range request.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic, t.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, kerr.TopicAuthorizationFailed.Code
				t.Partitions = append(t.Partitions, p)
			}
			response.Topics = append(response.Topics, t)
		}
		return response
	case *kmsg.EndTxnRequest:
		response := request.ResponseKind().(*kmsg.EndTxnResponse)
		response.ErrorCode = kerr.UnknownServerError.Code
		return response
	}
	return nil
}

// What another run commits after this one has looked, but before it took over, must be seen all the same.
func TestWhatIsCommittedAtTheVeryLastMomentIsNotRedrivenTwice(t *testing.T) {
	t.Parallel()
	cluster, brokers := testenv.FakeKafka(t)
	b := setup(t, brokers)
	b.bury(springs(20)...)

	goOn, committed := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	first := b.open(b.plan(func(p *redrive.Plan) { p.Rate = 20 })) // two letters a transaction
	go func() {
		_, err := first.Run(t.Context(), func(*redrive.Report) {
			committed <- struct{}{}
			<-goOn
		})
		ended <- err
	}()
	<-committed

	const initProducerID = 22
	cluster.ControlKey(initProducerID, func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.SleepControl(func() {
			goOn <- struct{}{}
			<-committed
		})
		return nil, nil, false
	})
	b.redrive(func(p *redrive.Plan) { p.Run = "run-2" })
	close(goOn)
	if err := <-ended; err != nil && !errors.Is(err, redrive.ErrTakenOver) {
		t.Errorf("the first run ended with %v", err)
	}
	b.wantEachOnce(20)
}
