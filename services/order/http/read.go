package http

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/openorder/openorder/services/order"
)

type entryBody struct {
	Seq    int          `json:"seq" doc:"Its place in the history, from 1; it never changes."`
	Event  order.Kind   `json:"event" enum:"PLACED,RESERVED,REJECTED,DEAD_LETTERED"`
	Status order.Status `json:"status" enum:"PENDING,RESERVED,REJECTED,FAILED" doc:"The order's status after it."`
	Reason string       `json:"reason,omitempty" doc:"Why it was rejected, or the error of a dead letter."`
	At     time.Time    `json:"at"`
}

// OrderBody is an order without its history (exported, or huma does not see it where it is embedded).
type OrderBody struct {
	OrderID   int64        `json:"orderId"`
	UserID    int64        `json:"userId"`
	Status    order.Status `json:"status" enum:"PENDING,RESERVED,REJECTED,FAILED"`
	Reason    string       `json:"reason,omitempty" doc:"Why it was REJECTED, or the error with which it FAILED."`
	Items     []itemBody   `json:"items" nullable:"false"`
	CreatedAt time.Time    `json:"createdAt"`
}

type orderWithHistory struct {
	OrderBody
	History []entryBody `json:"history" nullable:"false" doc:"What happened to it, oldest first."`
}

func toBody(o order.Order) OrderBody {
	items := make([]itemBody, len(o.Items))
	for i, item := range o.Items {
		items[i] = itemBody{SKU: item.SKU, Qty: integer(item.Qty)}
	}
	return OrderBody{OrderID: o.ID, UserID: o.UserID, Status: o.Status, Reason: o.Reason(), Items: items, CreatedAt: o.CreatedAt}
}

func toEntry(seq int, e order.Entry) entryBody {
	return entryBody{Seq: seq, Event: e.Kind, Status: e.Status, Reason: e.Reason, At: e.At}
}

type getInput struct {
	ID int64 `path:"id" minimum:"1" doc:"The order's id." example:"281474976710656"`
}

type getOutput struct{ Body orderWithHistory }

func (a *api) get(ctx context.Context, in *getInput) (*getOutput, error) {
	o, found, err := a.orders.Get(ctx, in.ID)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if !found {
		return nil, notFound(in.ID)
	}
	body := orderWithHistory{OrderBody: toBody(o)}
	for i, entry := range o.History() {
		body.History = append(body.History, toEntry(i+1, entry))
	}
	return &getOutput{body}, nil
}

func notFound(id int64) error { return huma.Error404NotFound(fmt.Sprintf("there is no order %d", id)) }

type listInput struct {
	UserID int64  `query:"userId" minimum:"1" doc:"Only this user's."`
	Status string `query:"status" enum:"PENDING,RESERVED,REJECTED,FAILED" doc:"Only those with this status."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor string `query:"cursor" doc:"The nextCursor of the page before, with the same filter."`
}

type listOutput struct {
	Body struct {
		Orders     []OrderBody `json:"orders" nullable:"false"`
		NextCursor string      `json:"nextCursor,omitempty" doc:"Where the next page begins; absent on the last."`
	}
}

func (a *api) list(ctx context.Context, in *listInput) (*listOutput, error) {
	query := order.Query{UserID: in.UserID, Status: order.Status(in.Status), Limit: in.Limit + 1}
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, misplaced([]order.Problem{{Location: "query.cursor", Message: "must be the nextCursor of a page", Value: in.Cursor}})
		}
		query.Before = before
	}
	found, err := a.orders.List(ctx, query)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := &listOutput{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		out.Body.NextCursor = strconv.FormatInt(found[in.Limit-1].ID, 10)
	}
	out.Body.Orders = make([]OrderBody, len(found))
	for i, o := range found {
		out.Body.Orders[i] = toBody(o)
	}
	return out, nil
}
