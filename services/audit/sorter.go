package audit

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// sorter sorts any number of event facts by order id in bounded memory: it sorts runs of them, writes the runs to files,
// and merges those.
type sorter struct {
	run   []eventFact
	limit int // of a run
	dir   string
	files []string
}

// runLength makes a run some 40 MB.
const runLength = 500_000

func newSorter(limit int) *sorter { return &sorter{limit: limit} }

// add takes a fact.
func (s *sorter) add(e eventFact) error {
	s.run = append(s.run, e)
	if len(s.run) < s.limit {
		return nil
	}
	return s.spill()
}

// close removes the files.
func (s *sorter) close() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // in the system's temporary directory
	}
}

func (s *sorter) sortRun() {
	slices.SortFunc(s.run, func(a, b eventFact) int { return cmp.Compare(a.orderID, b.orderID) })
}

func (s *sorter) spill() (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "openorder-audit-"); err != nil {
			return fmt.Errorf("sort events: %w", err)
		}
	}
	s.sortRun()
	name := filepath.Join(s.dir, fmt.Sprintf("%06d", len(s.files)))
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("sort events: %w", err)
	}
	out := bufio.NewWriterSize(file, 1<<18)
	for _, e := range s.run {
		if _, err = out.Write(e.encode()); err != nil {
			break
		}
	}
	if err := errors.Join(err, out.Flush(), file.Close()); err != nil {
		return fmt.Errorf("sort events: %w", err)
	}
	s.files, s.run = append(s.files, name), s.run[:0]
	return nil
}

// sorted gives all facts in order of their order ids.
func (s *sorter) sorted() iter.Seq2[eventFact, error] {
	return func(yield func(eventFact, error) bool) {
		runs, err := s.open()
		defer runs.close()
		if err != nil {
			yield(eventFact{}, err)
			return
		}
		for len(runs) > 0 {
			if !yield(runs[0].head, nil) {
				return
			}
			more, err := runs[0].advance()
			switch {
			case err != nil:
				yield(eventFact{}, err)
				return
			case more:
				heap.Fix(&runs, 0)
			default:
				heap.Pop(&runs).(*run).close()
			}
		}
	}
}

func (s *sorter) open() (runs, error) {
	s.sortRun()
	var all runs
	var err error
	add := func(r *run) bool {
		var more bool
		if more, err = r.advance(); more {
			all = append(all, r)
		} else {
			r.close()
		}
		return err == nil
	}
	if !add(&run{memory: s.run}) {
		return all, err
	}
	for _, name := range s.files {
		file, openErr := os.Open(name)
		if openErr != nil {
			return all, fmt.Errorf("read sorted events: %w", openErr)
		}
		if !add(&run{file: file, in: bufio.NewReaderSize(file, 1<<16)}) {
			return all, err
		}
	}
	heap.Init(&all)
	return all, nil
}

// run is a sorted run, in memory or in a file, of which head is next.
type run struct {
	head   eventFact
	memory []eventFact
	file   *os.File
	in     *bufio.Reader
}

func (r *run) advance() (more bool, err error) {
	if r.file == nil {
		if len(r.memory) == 0 {
			return false, nil
		}
		r.head, r.memory = r.memory[0], r.memory[1:]
		return true, nil
	}
	var buffer [factBytes]byte
	if _, err := io.ReadFull(r.in, buffer[:]); errors.Is(err, io.EOF) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("read sorted events: %w", err)
	}
	r.head = decodeFact(buffer[:])
	return true, nil
}

func (r *run) close() {
	if r.file != nil {
		_ = r.file.Close() // it was read only
	}
}

// runs is a heap by the next order id.
type runs []*run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return r[i].head.orderID < r[j].head.orderID }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *runs) Push(x any)        { *r = append(*r, x.(*run)) }
func (r *runs) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

func (r runs) close() {
	for _, one := range r {
		one.close()
	}
}

const factBytes = 8 + 8 + 4 + 1 + 1 + 16 + 16

func (e eventFact) encode() []byte {
	b := make([]byte, 0, factBytes)
	b = binary.BigEndian.AppendUint64(b, uint64(e.orderID))
	b = binary.BigEndian.AppendUint64(b, uint64(e.offset))
	b = binary.BigEndian.AppendUint32(b, uint32(e.partition))
	early := byte(0)
	if e.early {
		early = 1
	}
	b = append(b, byte(e.kind), early)
	b = append(b, e.id[:]...)
	return append(b, e.cause[:]...)
}

func decodeFact(b []byte) eventFact {
	return eventFact{
		orderID: int64(binary.BigEndian.Uint64(b)), offset: int64(binary.BigEndian.Uint64(b[8:])),
		partition: int32(binary.BigEndian.Uint32(b[16:])), kind: eventKind(b[20]), early: b[21] == 1,
		id: eventID(b[22:38]), cause: eventID(b[38:54]),
	}
}
