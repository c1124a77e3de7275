package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/internal/kafka"
)

// serveHandler is the floor of POST: it decodes an order and answers, and keeps nothing.
func serveHandler(ctx context.Context, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/orders", acceptOrder())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Info("serving", "listen", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func acceptOrder() http.HandlerFunc {
	var last atomic.Int64
	last.Store(firstOrderID)
	return func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			UserID int64       `json:"userId"`
			Items  event.Items `json:"items"`
		}
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil || order.UserID < 1 || len(order.Items) == 0 {
			http.Error(w, "not an order", http.StatusBadRequest)
			return
		}
		id := last.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", fmt.Sprintf("/api/orders/%d", id))
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(struct {
			OrderID int64  `json:"orderId"`
			Status  string `json:"status"`
		}{id, "PENDING"}) // a client that is gone needs no answer
	}
}

// groupFloor is the consumer group of the bare loop.
const groupFloor = "openorder-bench-floor"

// loopBatch is as much as the inventory service handles at once.
const loopBatch = 4000

// runLoop is the floor of everything that consumes: it takes order.created, decodes, produces an outcome with the
// headers that the inventory service writes, awaits the acknowledgements and marks, and keeps nothing.
func runLoop(ctx context.Context, config kafka.Config, log *slog.Logger) error {
	client, err := kgo.NewClient(append(config.Options("openorder-bench-floor", log),
		kgo.ConsumerGroup(groupFloor),
		kgo.ConsumeTopics(event.TopicOrderCreated),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.BlockRebalanceOnPoll(),
		kgo.AutoCommitMarks(),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(2*loopBatch),
	)...)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	defer client.CloseAllowingRebalance()
	log.Info("serving")
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, loopBatch)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("poll: %w", err)
		}
		records := fetches.Records()
		if err := answer(client, records); err != nil {
			return err
		}
		client.MarkCommitRecords(records...)
		client.AllowRebalance()
	}
	return nil
}

// answer produces an outcome a record and awaits them all.
func answer(client *kgo.Client, records []*kgo.Record) error {
	var pending sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, r := range records {
		outcome, err := reserved(r)
		if err != nil {
			return err
		}
		pending.Add(1)
		client.Produce(context.Background(), outcome, func(_ *kgo.Record, err error) {
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
			pending.Done()
		})
	}
	pending.Wait()
	if failed != nil {
		return fmt.Errorf("produce: %w", failed)
	}
	return nil
}

func reserved(r *kgo.Record) (*kgo.Record, error) {
	var order event.OrderCreated
	if err := json.Unmarshal(r.Value, &order); err != nil {
		return nil, fmt.Errorf("decode %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	now := event.At(time.Now())
	outcome := event.Outcome{
		EventID: uuid.NewString(), OrderID: order.OrderID, Timestamp: now, Status: event.StatusReserved,
	}
	value, err := json.Marshal(outcome)
	if err != nil {
		return nil, fmt.Errorf("encode an outcome: %w", err)
	}
	return &kgo.Record{
		Topic: event.TopicInventoryReserved, Key: r.Key, Value: value,
		Headers: kafka.Headers(event.CloudEvent{
			ID: outcome.EventID, Source: "/openorder/inventory-service", Type: event.TopicInventoryReserved, Time: now.Time,
			Subject: string(r.Key), Causation: order.EventID,
		}),
	}, nil
}
