package http

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/openorder/openorder/services/notification"
)

// Notification is one as shown.
type Notification struct {
	ID        string     `json:"id" example:"7301444403200001-RESERVED-log" doc:"Also the webhook-id, the same over retries."`
	OrderID   int64      `json:"orderId" format:"int64"`
	Status    string     `json:"status" enum:"RESERVED,REJECTED,FAILED" doc:"What the order came to."`
	Reason    string     `json:"reason,omitempty" doc:"Why it was rejected or failed."`
	Receiver  string     `json:"receiver" example:"log"`
	State     string     `json:"state" enum:"pending,claimed,delivered,given_up,gone" doc:"How far the delivery has come. given_up: all ten attempts failed; gone: the receiver answered 410."`
	Attempts  int        `json:"attempts"`
	DueAt     *time.Time `json:"dueAt,omitempty" doc:"When the next attempt is due; for claimed, when the claim ends."`
	LastError string     `json:"lastError,omitempty"`
	At        time.Time  `json:"at" doc:"When the order came to it."`
	CreatedAt time.Time  `json:"createdAt" doc:"When it was recorded."`
	ChangedAt time.Time  `json:"changedAt" doc:"When its delivery last changed, such as when it was delivered."`
}

func show(n notification.Notification) Notification {
	shown := Notification{
		ID: n.ID.String(), OrderID: n.OrderID, Status: string(n.Status), Reason: n.Reason, Receiver: n.Receiver,
		State: string(n.State), Attempts: n.Attempts, LastError: n.LastError, At: n.At, CreatedAt: n.CreatedAt, ChangedAt: n.ChangedAt,
	}
	if n.State == notification.Pending || n.State == notification.Claimed {
		shown.DueAt = &n.DueAt
	}
	return shown
}

type listInput struct {
	OrderID int64  `query:"orderId" minimum:"1" doc:"Only of this order."`
	Status  string `query:"status" enum:"RESERVED,REJECTED,FAILED" doc:"Only of orders that came to this."`
	State   string `query:"state" enum:"pending,claimed,delivered,given_up,gone" doc:"Only those whose delivery has come so far."`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most."`
	Cursor  string `query:"cursor" maxLength:"200" doc:"nextCursor of the page before."`
}

type listOutput struct {
	Body struct {
		Notifications []Notification `json:"notifications" nullable:"false"`
		NextCursor    string         `json:"nextCursor,omitempty" doc:"Absent on the last page."`
	}
}

func (a *api) list(ctx context.Context, in *listInput) (*listOutput, error) {
	filter := notification.Filter{
		OrderID: in.OrderID, Status: notification.Status(in.Status), State: notification.State(in.State), Limit: in.Limit + 1,
	}
	if in.Cursor != "" {
		before, err := parseCursor(in.Cursor)
		if err != nil {
			return nil, huma.Error422UnprocessableEntity("validation failed",
				&huma.ErrorDetail{Location: "query.cursor", Message: "is not a nextCursor of this list", Value: in.Cursor})
		}
		filter.Before = &before
	}
	found, err := a.Ledger.List(ctx, filter)
	if err != nil {
		return nil, a.failure(err)
	}
	out := &listOutput{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		out.Body.NextCursor = cursor(found[in.Limit-1].ID)
	}
	out.Body.Notifications = make([]Notification, len(found))
	for i, n := range found {
		out.Body.Notifications[i] = show(n)
	}
	return out, nil
}

func cursor(last notification.ID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(last.String()))
}

func parseCursor(text string) (notification.ID, error) {
	id, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return notification.ID{}, err
	}
	return notification.ParseID(string(id))
}

type rearmInput struct {
	ID string `path:"id" maxLength:"100" example:"7301444403200001-RESERVED-webhook_0a1b2c3d4e5f"`
}

type rearmOutput struct {
	Body Notification
}

func (a *api) rearm(ctx context.Context, in *rearmInput) (*rearmOutput, error) {
	id, err := notification.ParseID(in.ID)
	if err != nil {
		return nil, a.failure(notification.ErrNotFound)
	}
	n, err := a.Ledger.Rearm(ctx, id)
	if err != nil {
		return nil, a.failure(err)
	}
	a.Wake()
	return &rearmOutput{Body: show(n)}, nil
}
