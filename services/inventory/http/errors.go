package http

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/inventory"
)

var statuses = map[error]int{
	inventory.ErrNotFound:      http.StatusNotFound,
	inventory.ErrInvalid:       http.StatusUnprocessableEntity,
	inventory.ErrBelowReserved: http.StatusConflict,
	inventory.ErrPrecondition:  http.StatusPreconditionFailed,
	inventory.ErrKeyReused:     http.StatusUnprocessableEntity,
}

// problem is the one place where an error becomes a status.
func (a *api) problem(ctx context.Context, err error) error {
	for kind, status := range statuses {
		if errors.Is(err, kind) {
			return huma.NewError(status, err.Error())
		}
	}
	if errors.Is(err, inventory.ErrKeyInFlight) {
		return later(huma.Error409Conflict(err.Error()), "1")
	}
	if database.Refused(err) {
		return huma.Error422UnprocessableEntity("the database refuses this: " + err.Error())
	}
	if !errors.Is(ctx.Err(), context.Canceled) { // a client that hung up is nothing to report
		a.log.WarnContext(ctx, "request not served", "error", err)
	}
	return later(huma.Error503ServiceUnavailable("the database is not reached, or not in time; nothing is lost by asking again"), "5")
}

func later(err error, seconds string) error {
	return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {seconds}})
}

// misplaced is a 422 with the place.
func misplaced(location string, value any, err error) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: location, Message: err.Error(), Value: value})
}
