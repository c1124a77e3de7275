package http

import (
	"context"
	"time"

	"github.com/openorder/openorder/services/notification"
)

// Receiver is one as shown.
type Receiver struct {
	ID          string     `json:"id" example:"webhook_0a1b2c3d4e5f"`
	Address     string     `json:"address" example:"https://example.com/hooks/orders"`
	GoneSince   *time.Time `json:"goneSince,omitempty" doc:"When it answered 410 Gone; nothing is sent until it is re-armed."`
	PausedUntil *time.Time `json:"pausedUntil,omitempty" doc:"It asked with Retry-After to be left alone so long."`
	Waiting     int64      `json:"waiting" doc:"Notifications still to be delivered."`
	GivenUp     int64      `json:"givenUp" doc:"Notifications all of whose attempts failed."`
	Gone        int64      `json:"gone" doc:"Notifications not delivered because it answered 410."`
}

type receiversOutput struct {
	Body struct {
		Receivers []Receiver `json:"receivers" nullable:"false"`
	}
}

func (a *api) receivers(ctx context.Context, _ *struct{}) (*receiversOutput, error) {
	backlog, err := a.Ledger.Backlog(ctx)
	if err != nil {
		return nil, a.failure(err)
	}
	out := &receiversOutput{}
	out.Body.Receivers = make([]Receiver, len(backlog))
	for i, b := range backlog {
		out.Body.Receivers[i] = showReceiver(b)
	}
	return out, nil
}

func showReceiver(b notification.Backlog) Receiver {
	return Receiver{
		ID: b.Receiver, Address: b.Address, GoneSince: some(b.GoneSince), PausedUntil: some(b.PausedUntil),
		Waiting: b.Waiting, GivenUp: b.GivenUp, Gone: b.Gone,
	}
}

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type rearmReceiverInput struct {
	Receiver string `path:"receiver" maxLength:"100" example:"webhook_0a1b2c3d4e5f"`
}

type rearmReceiverOutput struct {
	Body struct {
		Rearmed int64 `json:"rearmed" doc:"How many notifications are due again."`
	}
}

func (a *api) rearmReceiver(ctx context.Context, in *rearmReceiverInput) (*rearmReceiverOutput, error) {
	if !notification.IsReceiverID(in.Receiver) {
		return nil, a.failure(notification.ErrNotFound)
	}
	count, err := a.Ledger.RearmReceiver(ctx, in.Receiver)
	if err != nil {
		return nil, a.failure(err)
	}
	a.Wake()
	out := &rearmReceiverOutput{}
	out.Body.Rearmed = count
	return out, nil
}
