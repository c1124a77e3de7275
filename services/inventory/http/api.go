// Package http is the inventory's API: what is in stock, how people change that, and what was decided about an order.
package http

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/openorder/openorder/services/inventory"
)

const (
	maxBody  = 16 << 10 // bytes of a request: a reason of 500 escaped characters fits
	patience = 10 * time.Second
)

type api struct {
	shelves inventory.Shelves
	log     *slog.Logger
}

// NewHandler serves the API and its OpenAPI document. Every error is an RFC 9457 problem.
func NewHandler(shelves inventory.Shelves, log *slog.Logger, middlewares ...func(http.Handler) http.Handler) http.Handler {
	router := chi.NewRouter()
	router.Use(middlewares...)
	router.Use(bounded)
	router.NotFound(refuse(http.StatusNotFound, "there is nothing here; see /openapi.json"))
	router.MethodNotAllowed(refuse(http.StatusMethodNotAllowed, "not by this method; see the Allow header"))

	config := huma.DefaultConfig("OpenOrder inventory", "1")
	config.Info.Description = "Stock and reservations. There is no authentication here: put something in front."
	config.DocsPath = ""     // a page that loads scripts from elsewhere
	config.CreateHooks = nil // no $schema in answers
	config.SchemasPath = ""  // all are in the document
	config.RejectUnknownQueryParameters = true

	a := &api{shelves, log}
	a.register(humachi.New(router, config))
	return router
}

func (a *api) register(h huma.API) {
	huma.Register(h, operation("list-stock", http.MethodGet, "/api/stock", "List stock, by sku"), a.listStock)
	huma.Register(h, operation("get-stock", http.MethodGet, "/api/stock/{sku}", "What there is of a sku", http.StatusNotFound), a.getStock)
	huma.Register(h, operation("put-stock", http.MethodPut, "/api/stock/{sku}", "Set what is on hand",
		http.StatusConflict, http.StatusPreconditionFailed), a.putStock)
	huma.Register(h, operation("adjust-stock", http.MethodPost, "/api/stock/{sku}/adjustments", "Put in, or take out, once a key",
		http.StatusNotFound, http.StatusConflict), a.adjustStock)
	huma.Register(h, operation("list-movements", http.MethodGet, "/api/stock/{sku}/movements", "How what is on hand came to be, the latest first"), a.listMovements)
	huma.Register(h, operation("get-reservation", http.MethodGet, "/api/reservations/{orderId}", "What was decided about an order",
		http.StatusNotFound), a.getReservation)
}

func operation(id, method, path, summary string, errors ...int) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody,
		Errors: append(errors, http.StatusUnprocessableEntity, http.StatusServiceUnavailable),
	}
	if method == http.MethodPut || method == http.MethodPost {
		o.Errors = append(o.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return o
}

// bounded ends requests that a database in trouble keeps waiting.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// refuse answers what no operation is there for.
func refuse(status int, detail string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // a client that is gone needs no answer
	}
}
