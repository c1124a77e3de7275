// Package http is the order service's API: place an order, read it, list orders, watch one.
package http

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-chi/chi/v5"

	"github.com/openorder/openorder/services/order"
)

type api struct {
	orders *order.Service
	log    *slog.Logger
}

// NewHandler serves the API and its OpenAPI document. Every error is an RFC 9457 problem.
func NewHandler(orders *order.Service, log *slog.Logger, middlewares ...func(http.Handler) http.Handler) http.Handler {
	router := chi.NewRouter()
	router.Use(middlewares...)
	router.NotFound(refuse(http.StatusNotFound, "there is nothing here; see /openapi.json"))
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Allow"] = methodsOf(router, r.URL.Path)
		refuse(http.StatusMethodNotAllowed, "not by this method; see the Allow header")(w, r)
	})

	config := huma.DefaultConfig("OpenOrder orders", "1")
	config.Info.Description = "Place orders and see what becomes of them. There is no authentication here: put something in front."
	config.DocsPath = ""     // a page that loads scripts from elsewhere
	config.CreateHooks = nil // no $schema in answers
	config.SchemasPath = ""  // all are in the document
	config.RejectUnknownQueryParameters = true
	config.Transformers = append(config.Transformers, tidy)

	a := &api{orders, log}
	a.register(humachi.New(router, config))
	return router
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
		Errors: append(errors, http.StatusUnprocessableEntity),
		Responses: map[string]*huma.Response{
			"503": problemResponse("Not now, ask again later", retryAfter),
		},
	}
}

var retryAfter = map[string]*huma.Param{
	"Retry-After": {Description: "Seconds after which to try again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
}

// problemResponse describes an RFC 9457 answer with headers of its own; huma describes the others.
func problemResponse(description string, headers map[string]*huma.Param) *huma.Response {
	return &huma.Response{
		Description: description, Headers: headers,
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}},
	}
}

// refuse answers what no operation is there for.
func refuse(status int, detail string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // a client that is gone needs no answer
	}
}

// methodsOf are the methods that a path takes.
func methodsOf(router chi.Router, path string) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if router.Match(chi.NewRouteContext(), method, path) {
			methods = append(methods, method)
		}
	}
	return methods
}

// tidy makes huma's problems exact and short: a missing member is told at the member's place, and an unreadable body, or an
// object with an unknown member, is not sent back whole.
func tidy(_ huma.Context, _ string, answer any) (any, error) {
	problem, ok := answer.(*huma.ErrorModel)
	if !ok {
		return answer, nil
	}
	for _, detail := range problem.Errors {
		var missing string
		if n, _ := fmt.Sscanf(detail.Message, validation.MsgExpectedRequiredProperty, &missing); n == 1 {
			detail.Location += "." + missing
		}
		switch value := detail.Value.(type) {
		case string:
			if len(value) > 200 {
				detail.Value = nil
			}
		case map[string]any, []any:
			detail.Value = nil
		}
	}
	return answer, nil
}
