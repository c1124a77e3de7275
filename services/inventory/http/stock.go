package http

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/openorder/openorder/services/inventory"
)

type stock struct {
	SKU       string `json:"sku" example:"ABC-001"`
	OnHand    int64  `json:"onHand" doc:"What was put in."`
	Reserved  int64  `json:"reserved" doc:"What reserved orders hold."`
	Available int64  `json:"available" doc:"What the next order can have: onHand less reserved, never below 0."`
}

func view(s inventory.Stock) stock { return stock{s.SKU, s.OnHand, s.Reserved, s.Available()} }

// SKUPath is the sku of a path (exported, or huma does not see it). It may hold any printable character, escaped: a slash is %2F.
type SKUPath struct {
	SKU string `path:"sku" minLength:"1" maxLength:"255" example:"ABC-001" doc:"Any printable characters; escape what a path cannot hold, a slash as %2F."`
}

func (p SKUPath) check() error {
	if err := inventory.CheckSKU(p.SKU); err != nil {
		return misplaced("path.sku", p.SKU, err)
	}
	return nil
}

type stockAnswer struct {
	Status       int
	ETag         string `header:"ETag" doc:"Changes when stock is set or adjusted, not when it is reserved."`
	CacheControl string `header:"Cache-Control"`
	Body         stock
}

func answer(status int, s inventory.Stock) *stockAnswer {
	return &stockAnswer{Status: status, ETag: etag(s), CacheControl: "no-store", Body: view(s)}
}

func (a *api) getStock(ctx context.Context, in *struct{ SKUPath }) (*stockAnswer, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s, err := a.shelves.Stock(ctx, in.SKU)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return answer(http.StatusOK, s), nil
}

type stockPage struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items      []stock `json:"items"`
		NextCursor string  `json:"nextCursor,omitempty" doc:"Ask with it for the next page; absent on the last."`
	}
}

func (a *api) listStock(ctx context.Context, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Skus a page."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"The nextCursor of the page before."`
}) (*stockPage, error) {
	after, err := decodeCursor(in.Cursor)
	if err != nil {
		return nil, misplaced("query.cursor", in.Cursor, err)
	}
	list, err := a.shelves.ListStock(ctx, after, in.Limit+1)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	page := &stockPage{CacheControl: "no-store"}
	page.Body.Items = make([]stock, 0, len(list))
	for _, s := range list {
		if len(page.Body.Items) == in.Limit {
			page.Body.NextCursor = encodeCursor(page.Body.Items[in.Limit-1].SKU)
			break
		}
		page.Body.Items = append(page.Body.Items, view(s))
	}
	return page, nil
}

func encodeCursor(sku string) string { return base64.RawURLEncoding.EncodeToString([]byte(sku)) }

func decodeCursor(cursor string) (string, error) {
	sku, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(sku) > 0 {
		err = inventory.CheckSKU(string(sku))
	}
	if err != nil {
		return "", errors.New("not a nextCursor of ours")
	}
	return string(sku), nil
}

func (a *api) putStock(ctx context.Context, in *struct {
	SKUPath
	IfMatch     string `header:"If-Match" doc:"An ETag that the stock must still have, several, or * for any."`
	IfNoneMatch string `header:"If-None-Match" doc:"*: only where there is no stock of the sku yet."`
	Body        struct {
		OnHand int64 `json:"onHand" minimum:"0" maximum:"1000000000000000" example:"100"`
	}
}) (*stockAnswer, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	only, err := precondition(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	s, created, err := a.shelves.SetStock(ctx, in.SKU, in.Body.OnHand, only)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if created {
		return answer(http.StatusCreated, s), nil
	}
	return answer(http.StatusOK, s), nil
}

func (a *api) adjustStock(ctx context.Context, in *struct {
	SKUPath
	Key  string `header:"Idempotency-Key" doc:"The adjustment happens once a key. The same key with another one is refused with 422; kept for 24 h."`
	Body struct {
		Delta  int64  `json:"delta" minimum:"-1000000000000000" maximum:"1000000000000000" example:"-3" doc:"What is put in; negative: taken out. Not 0."`
		Reason string `json:"reason" minLength:"1" maxLength:"500" example:"broken in the warehouse"`
	}
}) (*stockAnswer, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	key, err := idempotencyKey(in.Key)
	if err != nil {
		return nil, err
	}
	if in.Body.Delta == 0 {
		return nil, misplaced("body.delta", 0, errors.New("0 changes nothing"))
	}
	if err := inventory.CheckReason(in.Body.Reason); err != nil {
		return nil, misplaced("body.reason", in.Body.Reason, err)
	}
	s, err := a.shelves.AdjustStock(ctx, inventory.Adjustment{SKU: in.SKU, Delta: in.Body.Delta, Reason: in.Body.Reason, Key: key})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return answer(http.StatusOK, s), nil
}
