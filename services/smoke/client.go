package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// client speaks the order service's HTTP API, and knows no code of it: what it sees is what a customer sees.
type client struct {
	base string
	http *http.Client
}

// connections keeps those that were used at a time. With net/http's two idle ones a host, hundreds of orders a second leave a
// port each in TIME_WAIT, until there is none.
func connections() http.RoundTripper {
	network := http.DefaultTransport.(*http.Transport).Clone()
	network.MaxIdleConns, network.MaxIdleConnsPerHost = 0, 1000
	return network
}

type order struct {
	UserID int64  `json:"userId"`
	Items  []item `json:"items"`
}

type item struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"qty"`
}

// placement is an accepted order, and what it took.
type placement struct {
	id       json.Number
	putOff   int // answers with Retry-After
	repeated int // connections that broke before the answer
}

const (
	pollInterval = 100 * time.Millisecond // at first, and then a tenth of the wait so far: many orders may wait for long
	maxInterval  = 2 * time.Second
	retryPause   = 200 * time.Millisecond
)

// place posts until the order is accepted, under one Idempotency-Key, so that no repeat places a second order.
func (c *client) place(ctx context.Context, o order) (placement, error) {
	var p placement
	body, err := json.Marshal(o)
	if err != nil {
		return p, err
	}
	key := strconv.Quote(uuid.NewString())
	for {
		pause := retryPause
		id, err := c.post(ctx, key, body)
		var later putOffError
		switch {
		case err == nil:
			p.id = id
			return p, nil
		case errors.As(err, &later):
			p.putOff++
			pause = later.pause
		case errors.As(err, new(refusedError)):
			return p, err
		default:
			p.repeated++
		}
		if waitErr := wait(ctx, pause); waitErr != nil {
			return p, fmt.Errorf("place an order: %w", errors.Join(waitErr, err))
		}
	}
}

// putOffError is an answer that says when to come again.
type putOffError struct {
	status int
	pause  time.Duration
}

func (e putOffError) Error() string {
	return fmt.Sprintf("answered %d, Retry-After %s", e.status, e.pause)
}

// refusedError is an answer that no repeat changes.
type refusedError struct {
	status int
	body   string
}

func (e refusedError) Error() string { return fmt.Sprintf("refused with %d: %s", e.status, e.body) }

func (c *client) post(ctx context.Context, key string, body []byte) (json.Number, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/api/orders", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	var accepted struct {
		OrderID json.Number `json:"orderId"`
	}
	if err := c.do(request, http.StatusAccepted, &accepted); err != nil {
		return "", err
	}
	return accepted.OrderID, nil
}

// outcome polls until the order is decided.
func (c *client) outcome(ctx context.Context, id json.Number) (string, error) {
	status, started := "not read yet", time.Now()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/orders/"+id.String(), nil)
		if err != nil {
			return "", err
		}
		var o struct {
			Status string `json:"status"`
		}
		err = c.do(request, http.StatusOK, &o)
		if err == nil {
			if status = o.Status; final(status) {
				return status, nil
			}
		}
		if errors.As(err, new(refusedError)) {
			return "", fmt.Errorf("read order %s: %w", id, err)
		}
		if waitErr := wait(ctx, min(max(pollInterval, time.Since(started)/10), maxInterval)); waitErr != nil {
			return "", fmt.Errorf("order %s is still %s: %w", id, status, errors.Join(waitErr, err))
		}
	}
}

func (c *client) do(request *http.Request, want int, into any) error {
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if after, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && response.StatusCode != want {
		return putOffError{response.StatusCode, time.Duration(after) * time.Second}
	}
	if response.StatusCode != want {
		return refusedError{response.StatusCode, strings.TrimSpace(string(body))}
	}
	return json.Unmarshal(body, into)
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
