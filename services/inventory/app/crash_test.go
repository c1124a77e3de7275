package app_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/inventory"
)

// evict does what the group's coordinator does with members that are silent for a session's time.
func (s *system) evict() {
	s.Helper()
	testenv.Eventually(s, "the group has no members", func() bool {
		described, err := s.admin.DescribeGroups(s.Context(), event.GroupInventory)
		if err != nil {
			return false
		}
		members := described[event.GroupInventory].Members
		request := kmsg.NewPtrLeaveGroupRequest()
		request.Group = event.GroupInventory
		for _, member := range members {
			leaving := kmsg.NewLeaveGroupRequestMember()
			leaving.MemberID = member.MemberID
			request.Members = append(request.Members, leaving)
		}
		if len(members) > 0 {
			_, err = request.RequestWith(s.Context(), s.client)
		}
		return err == nil && len(members) == 0
	})
}

// isToldSince tells whether any order from an id on has an outcome.
func (s *system) isToldSince(first int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.told {
		if id >= first {
			return true
		}
	}
	return false
}

func TestAKilledProcessLosesNothingAndSellsNothingTwice(t *testing.T) {
	each(t, func(s *system) {
		s.put("A", 700)
		for range 4 {
			process := s.child("serve")
			first := s.lastID + 1 // the process before told of none from here on
			for range 10 {        // so that it is killed in the middle of something
				s.place(30, "A")
			}
			testenv.Eventually(s, "some are told of", func() bool { return s.isToldSince(first) })
			if err := process.Kill(); err != nil {
				s.Fatal(err)
			}
			s.evict()
		}
		s.run(s.config())
		s.wantTold()
		s.wantSound()
		if stock, err := s.store.Stock(s.Context(), "A"); err != nil || stock.Reserved != 700 {
			s.Errorf("%+v, %v: want all of it reserved", stock, err)
		}
	})
}

func TestAProcessFrozenInsideATransactionHoldsUpNobodyAndSellsNothingTwice(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		s := newSystem(t, brokers, testenv.PostgreSQL(t))
		s.put("A", 60)
		s.place(90, "A")
		frozen := s.child("freeze")
		waitForStop(t, frozen)

		// Stock is locked now, by nobody who is awake.
		began := time.Now()
		testenv.Eventually(t, "somebody else changes the stock", func() bool {
			_, err := s.store.AdjustStock(context.Background(), inventory.Adjustment{SKU: "A", Delta: 1, Reason: "found", Key: "once"})
			return err == nil
		})
		waited := time.Since(began)
		t.Logf("stock was free again after %s", waited)
		if waited > 5*time.Second {
			t.Errorf("the frozen process held stock for %s", waited)
		}

		s.evict()
		s.run(s.config())
		s.wantTold()
		if err := frozen.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "the process that was frozen is in the group again", func() bool {
			described, err := s.admin.DescribeGroups(t.Context(), event.GroupInventory)
			return err == nil && described[event.GroupInventory].State == "Stable" && len(described[event.GroupInventory].Members) == 2
		})
		s.place(60, "A")
		s.wantTold()
		s.wantSound()
		if stock, err := s.store.Stock(t.Context(), "A"); err != nil || stock.Reserved != 61 || stock.OnHand != 61 {
			t.Errorf("%+v, %v: want all of it reserved", stock, err)
		}
	})
}

// waitForStop waits until a process is stopped by a signal.
func waitForStop(t *testing.T, process *os.Process) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(process.Pid, &status, syscall.WUNTRACED, nil)
		stopped <- err
	}()
	select {
	case err := <-stopped:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the process did not stop inside its transaction")
	}
}
