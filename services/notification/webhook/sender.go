package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/notification"
)

// maxAnswerBytes is how much of an answer is read, so that the connection can be used again.
const maxAnswerBytes = 64 << 10

// Sender posts to one URL.
type Sender struct {
	URL     string
	client  *http.Client
	secrets *secretFile
}

// Payload is a webhook's body.
type Payload struct {
	Type      string     `json:"type"` // order.reserved, order.rejected or order.failed
	Timestamp event.Time `json:"timestamp"`
	Data      Data       `json:"data"`
}

// Data is what a webhook tells.
type Data struct {
	OrderID int64  `json:"orderId"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
}

// Ready tells whether the secret is there and fit to sign with.
func (s *Sender) Ready() error {
	_, err := s.secrets.signers()
	return err
}

// Send posts each of a batch.
func (s *Sender) Send(ctx context.Context, batch []notification.Notification) []notification.Result {
	results := make([]notification.Result, len(batch))
	for i, n := range batch {
		results[i] = s.post(ctx, n)
	}
	return results
}

func (s *Sender) post(ctx context.Context, n notification.Notification) notification.Result {
	request, err := s.request(ctx, n)
	if err != nil {
		return notification.Result{Err: err}
	}
	response, err := s.client.Do(request)
	if err != nil {
		return notification.Result{Err: withoutURL(err)}
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswerBytes) // the status has said everything
	return result(response, time.Now())
}

func (s *Sender) request(ctx context.Context, n notification.Notification) (*http.Request, error) {
	body, err := json.Marshal(Payload{
		Type: "order." + strings.ToLower(string(n.Status)), Timestamp: event.At(n.At),
		Data: Data{OrderID: n.OrderID, Status: string(n.Status), Reason: n.Reason},
	})
	if err != nil {
		return nil, fmt.Errorf("encode webhook: %w", err)
	}
	now := time.Now()
	signature, err := s.sign(n.ID.String(), now, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make webhook: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "OpenOrder-Webhook/1")
	request.Header.Set(standardwebhooks.HeaderWebhookID, n.ID.String())
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

// sign signs with every secret, so that the receiver may change to the new one at any time.
func (s *Sender) sign(id string, at time.Time, body []byte) (string, error) {
	signers, err := s.secrets.signers()
	if err != nil {
		return "", err
	}
	signatures := make([]string, len(signers))
	for i, signer := range signers {
		if signatures[i], err = signer.Sign(id, at, body); err != nil {
			return "", fmt.Errorf("sign webhook: %w", err)
		}
	}
	return strings.Join(signatures, " "), nil
}

// result judges an answer: 2xx is a delivery, 410 an end, and everything else, redirects too, a failure.
func result(response *http.Response, now time.Time) notification.Result {
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return notification.Result{}
	case response.StatusCode == http.StatusGone:
		return notification.Result{Err: errors.New("the receiver answered 410 Gone"), Gone: true}
	}
	return notification.Result{
		Err:        fmt.Errorf("the receiver answered %s", response.Status),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), now),
	}
}

// retryAfter reads seconds or an HTTP date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// withoutURL leaves out what the ledger says anyway.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
