package http

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/order"
)

func TestAHeartbeatIsACommentThatNoClientTakesForAnEvent(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	stream(w, func(yield func(order.Step) bool) {
		_ = yield(order.Step{}) && yield(order.Step{Seq: 2, Entry: order.Entry{Status: order.Reserved}})
	})
	blocks := strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n")
	if len(blocks) != 3 || blocks[0] != "retry: 1000" || blocks[1] != ": still here" || !strings.HasPrefix(blocks[2], "id: 2\ndata: {") {
		t.Errorf("the stream: %q", blocks)
	}
	if !w.Flushed {
		t.Error("nothing was flushed")
	}
}

// gone is a client that hung up before the first byte.
type gone struct{ http.ResponseWriter }

func (gone) Write([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// Who does not range over the steps keeps the watch open for good.
func TestAClientThatIsGoneBeforeItsStreamBeginsLeavesNoWatchOpen(t *testing.T) {
	t.Parallel()
	ended := false
	stream(gone{httptest.NewRecorder()}, func(yield func(order.Step) bool) {
		ended = !yield(order.Step{Seq: 1})
	})
	if !ended {
		t.Error("the watch is still open")
	}
}
