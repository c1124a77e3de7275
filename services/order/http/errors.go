package http

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/openorder/openorder/services/order"
)

// problem is the one place where an error becomes a status.
func (a *api) problem(ctx context.Context, err error) error {
	var invalid order.Invalid
	switch {
	case errors.As(err, &invalid):
		return misplaced(invalid)
	case errors.Is(err, order.ErrKeyReused):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, order.ErrKeyInFlight):
		return later(huma.Error409Conflict(err.Error()), "1")
	case errors.Is(err, order.ErrRefused):
		a.log.WarnContext(ctx, "an order was refused", "error", err)
		return huma.Error422UnprocessableEntity("the database refuses this order")
	case errors.Is(err, order.ErrOverloaded):
		return later(huma.Error503ServiceUnavailable("the order was not taken: "+err.Error()), "1")
	case errors.Is(err, order.ErrTooManyWatches):
		return later(huma.Error503ServiceUnavailable(err.Error()), "5")
	case errors.Is(err, order.ErrMaybeTaken):
		return later(huma.Error503ServiceUnavailable("the order may have been taken: the database's answer to the commit was lost, and it cannot be asked now. "+
			"Send the same request with the same Idempotency-Key again; without one, look for the order in the user's list first"), "2")
	case errors.Is(err, order.ErrUnavailable):
		return later(huma.Error503ServiceUnavailable("the order was not taken: the database is not reached, or not in time"), "2")
	}
	if ctx.Err() == nil { // a client that hung up is nothing to report
		a.log.WarnContext(ctx, "request not served", "error", err)
	}
	return later(huma.Error503ServiceUnavailable("the database is not reached, or not in time"), "2")
}

func later(err error, seconds string) error {
	return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {seconds}})
}

// misplaced is a 422 with the places.
func misplaced(problems []order.Problem) error {
	details := make([]error, len(problems))
	for i, p := range problems {
		details[i] = &huma.ErrorDetail{Location: p.Location, Message: p.Message, Value: p.Value}
	}
	return huma.Error422UnprocessableEntity("validation failed", details...)
}
