package http

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/order"
)

const (
	heartbeat   = 15 * time.Second // shorter than the idle time-outs of the usual proxies
	stalledFor  = 30 * time.Second // a client that takes nothing for so long is cut off
	reconnectMS = 1000
)

func watchOperation(h huma.API) huma.Operation {
	o := operation("watch-order", http.MethodGet, "/api/orders/{id}/events", "Watch an order, by server-sent events", http.StatusNotFound)
	o.Description = "The history so far, then each change as it happens, until the order is RESERVED or REJECTED. Each event's data is one entry as JSON, " +
		"its id the entry's seq: send it as Last-Event-ID to go on from there. A comment every " + heartbeat.String() + " shows that the stream lives. " +
		"The stream also ends when this instance stops: connect again."
	entry := h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[entryBody](), true, "")
	o.Responses["200"] = &huma.Response{
		Description: "A stream of events",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeArray, Description: "Each item stands for the data of one server-sent event.", Items: entry,
		}}},
	}
	o.Responses["204"] = &huma.Response{Description: "Nothing follows the event named by Last-Event-ID: do not connect again"}
	return o
}

type watchInput struct {
	ID          int64  `path:"id" minimum:"1" doc:"The order's id."`
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event received."`
}

func (a *api) watch(ctx context.Context, in *watchInput) (*huma.StreamResponse, error) {
	// What is no id of ours stands for nothing received.
	seen, err := strconv.Atoi(in.LastEventID)
	if err != nil || seen < 0 {
		seen = 0
	}
	if seen > 0 {
		o, found, err := a.orders.Get(ctx, in.ID)
		if err == nil && found && o.Status.Final() && seen >= len(o.History()) {
			// There is nothing to come. Browsers connect again after an end, but not after this.
			return &huma.StreamResponse{Body: func(h huma.Context) { h.SetStatus(http.StatusNoContent) }}, nil
		}
	}
	steps, found, err := a.orders.Watch(ctx, in.ID, seen, heartbeat, service.Draining(ctx))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if !found {
		return nil, notFound(in.ID)
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		_, w := humachi.Unwrap(h)
		stream(w, steps)
	}}, nil
}

// stream writes steps as server-sent events until they end or the client is gone.
func stream(w http.ResponseWriter, steps iter.Seq[order.Step]) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	send := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(stalledFor)) // where it cannot be set there is none to move
		if _, err := w.Write([]byte(text)); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	there := send(fmt.Sprintf("retry: %d\n\n", reconnectMS))
	for step := range steps { // for a client that is gone already, too: the watch would stay open
		text := ": still here\n\n"
		if step.Seq > 0 {
			data, _ := json.Marshal(toEntry(step.Seq, step.Entry)) // of plain fields
			text = fmt.Sprintf("id: %d\ndata: %s\n\n", step.Seq, data)
		}
		if !there || !send(text) {
			return
		}
	}
}
