// Package http shows the notification ledger and lets what has ended badly be tried again.
package http

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	web "github.com/openorder/openorder/services/internal/api"
	"github.com/openorder/openorder/services/notification"
)

// Ledger is what the API needs of the ledger.
type Ledger interface {
	List(ctx context.Context, f notification.Filter) ([]notification.Notification, error)
	Backlog(ctx context.Context) ([]notification.Backlog, error)
	// Rearm makes a given-up or gone notification due again; ErrNotFound, ErrNotEnded.
	Rearm(ctx context.Context, id notification.ID) (notification.Notification, error)
	// RearmReceiver does so with all of a receiver's, and returns how many; ErrNotFound.
	RearmReceiver(ctx context.Context, receiver string) (int64, error)
}

// Config is what the API is made of.
type Config struct {
	Ledger  Ledger
	Version string
	// Wake is called when something was re-armed, so that it need not wait.
	Wake       func()
	Log        *slog.Logger
	Middleware []Middleware
}

// Middleware wraps every request.
type Middleware = func(http.Handler) http.Handler

type api struct {
	Config
}

// New is the API's handler, with its OpenAPI 3.1 document at /openapi.json and /openapi.yaml.
func New(c Config) http.Handler {
	handler, operations := web.New(web.Config{
		Title: "OpenOrder notifications", Description: "Who was told of what, and how far the deliveries have come.",
		Version: c.Version, Middleware: append(c.Middleware, web.Bounded),
	})
	(&api{c}).register(operations)
	return handler
}

func (a *api) register(on huma.API) {
	huma.Register(on, huma.Operation{
		OperationID: "list-notifications", Method: http.MethodGet, Path: "/api/notifications",
		Summary:     "Notifications, those of the newest orders first",
		Description: "Who was told of what, and how far the delivery has come. The ledger is kept for ever.",
		Errors:      []int{http.StatusUnprocessableEntity},
		Responses:   web.Unavailable(),
	}, a.list)
	huma.Register(on, huma.Operation{
		OperationID: "rearm-notification", Method: http.MethodPost, Path: "/api/notifications/{id}/rearm",
		Summary:     "Try a notification again that is given_up or gone",
		Description: "It is due at once, has all its attempts again and keeps its webhook-id. A receiver that had answered 410 is tried again.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity},
		Responses:   web.Unavailable(),
	}, a.rearm)
	huma.Register(on, huma.Operation{
		OperationID: "list-receivers", Method: http.MethodGet, Path: "/api/receivers",
		Summary:   "Everybody who is or was told, and what they have not got",
		Errors:    []int{http.StatusUnprocessableEntity},
		Responses: web.Unavailable(),
	}, a.receivers)
	huma.Register(on, huma.Operation{
		OperationID: "rearm-receiver", Method: http.MethodPost, Path: "/api/receivers/{receiver}/rearm",
		Summary:   "Try all notifications of a receiver again that are given_up or gone",
		Errors:    []int{http.StatusNotFound},
		Responses: web.Unavailable(),
	}, a.rearmReceiver)
}

// failure turns an error into an answer. What the caller cannot help is logged and not shown.
func (a *api) failure(err error) error {
	switch {
	case errors.Is(err, notification.ErrNotFound):
		return huma.Error404NotFound("There is no such notification or receiver.")
	case errors.Is(err, notification.ErrNotEnded):
		return huma.Error409Conflict("Only a notification that is given_up or gone can be re-armed.")
	case errors.Is(err, context.Canceled):
		return unavailable("The request was cancelled.")
	}
	a.Log.Warn("answered 503", "error", err)
	return unavailable("The ledger cannot be reached; try again.")
}

func unavailable(detail string) error {
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(detail), http.Header{"Retry-After": {"2"}})
}
