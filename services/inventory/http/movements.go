package http

import (
	"context"
	"errors"
	"strconv"
	"time"
)

type movement struct {
	At     time.Time `json:"at"`
	Delta  int64     `json:"delta"`
	OnHand int64     `json:"onHand" doc:"After it."`
	Reason string    `json:"reason,omitempty" doc:"Of an adjustment; absent where the stock was set."`
}

type movementPage struct {
	Body struct {
		Items      []movement `json:"items"`
		NextCursor string     `json:"nextCursor,omitempty" doc:"Ask with it for the next page; absent on the last."`
	}
}

func (a *api) listMovements(ctx context.Context, in *struct {
	SKUPath
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Movements a page."`
	Cursor string `query:"cursor" maxLength:"20" doc:"The nextCursor of the page before."`
}) (*movementPage, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	before, err := strconv.ParseInt(in.Cursor, 10, 64)
	if in.Cursor != "" && (err != nil || before < 1) {
		return nil, misplaced("query.cursor", in.Cursor, errors.New("not a nextCursor of ours"))
	}
	list, err := a.shelves.Movements(ctx, in.SKU, before, in.Limit+1)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	page := &movementPage{}
	page.Body.Items = make([]movement, 0, len(list))
	for i, m := range list {
		if i == in.Limit {
			page.Body.NextCursor = strconv.FormatInt(list[i-1].ID, 10)
			break
		}
		page.Body.Items = append(page.Body.Items, movement{m.At, m.Delta, m.OnHand, m.Reason})
	}
	return page, nil
}
