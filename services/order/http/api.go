// Package http is the order service's API: place an order, read it, list orders, watch one.
package http

import (
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	web "github.com/openorder/openorder/services/internal/api"
	"github.com/openorder/openorder/services/order"
)

type api struct {
	orders *order.Service
	log    *slog.Logger
}

// NewHandler serves the API and its OpenAPI document. Every error is an RFC 9457 problem.
func NewHandler(orders *order.Service, log *slog.Logger, middlewares ...func(http.Handler) http.Handler) http.Handler {
	handler, operations := web.New(web.Config{
		Title: "OpenOrder orders", Description: "Place orders and see what becomes of them.",
		MaxBody: order.MaxBody, Middleware: middlewares,
	})
	(&api{orders, log}).register(operations)
	return handler
}

func (a *api) register(h huma.API) {
	huma.Register(h, placeOperation(), a.place)
	huma.Register(h, operation("get-order", http.MethodGet, "/api/orders/{id}", "An order, its status and its history", http.StatusNotFound), a.get)
	huma.Register(h, operation("list-orders", http.MethodGet, "/api/orders", "Orders, newest first"), a.list)
	huma.Register(h, watchOperation(h), a.watch)
}

// operation describes what all have in common.
func operation(id, method, path, summary string, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Errors:    append(errors, http.StatusUnprocessableEntity),
		Responses: web.Unavailable(),
	}
}
