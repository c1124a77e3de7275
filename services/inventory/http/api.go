// Package http is the inventory's API: what is in stock, how people change that, and what was decided about an order.
package http

import (
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	web "github.com/openorder/openorder/services/internal/api"
	"github.com/openorder/openorder/services/inventory"
)

const maxBody = 16 << 10 // bytes of a request: a reason of 500 escaped characters fits

type api struct {
	shelves inventory.Shelves
	log     *slog.Logger
}

// NewHandler serves the API and its OpenAPI document. Every error is an RFC 9457 problem.
func NewHandler(shelves inventory.Shelves, log *slog.Logger, middlewares ...func(http.Handler) http.Handler) http.Handler {
	handler, operations := web.New(web.Config{
		Title: "OpenOrder inventory", Description: "Stock and reservations.", MaxBody: maxBody, Middleware: append(middlewares, web.Bounded),
	})
	(&api{shelves, log}).register(operations)
	return handler
}

func (a *api) register(h huma.API) {
	huma.Register(h, operation("list-stock", http.MethodGet, "/api/stock", "List stock, by sku"), a.listStock)
	huma.Register(h, operation("get-stock", http.MethodGet, "/api/stock/{sku}", "What there is of a sku", http.StatusNotFound), a.getStock)
	huma.Register(h, putOperation(h), a.putStock)
	huma.Register(h, operation("adjust-stock", http.MethodPost, "/api/stock/{sku}/adjustments", "Put in, or take out, once a key",
		http.StatusNotFound, http.StatusConflict), a.adjustStock)
	huma.Register(h, operation("list-movements", http.MethodGet, "/api/stock/{sku}/movements", "How what is on hand came to be, the latest first"), a.listMovements)
	huma.Register(h, operation("get-reservation", http.MethodGet, "/api/reservations/{orderId}", "What was decided about an order",
		http.StatusNotFound), a.getReservation)
}

func operation(id, method, path, summary string, errors ...int) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Errors:    append(errors, http.StatusUnprocessableEntity),
		Responses: web.Unavailable(),
	}
	if method == http.MethodPut || method == http.MethodPost {
		o.Errors = append(o.Errors, web.BodyErrors...)
	}
	return o
}

// putOperation documents the answer where there was no stock of the sku before, which huma does not see.
func putOperation(h huma.API) huma.Operation {
	o := operation("put-stock", http.MethodPut, "/api/stock/{sku}", "Set what is on hand", http.StatusConflict, http.StatusPreconditionFailed)
	o.Responses["201"] = &huma.Response{
		Description: "There was no stock of the sku before",
		Headers:     map[string]*huma.Param{"ETag": {Description: "Of the stock.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[stock](), true, ""),
		}},
	}
	return o
}
