// Package api is what the services' HTTP APIs have in common: OpenAPI 3.1 by huma on chi, every error as RFC 9457 has it and at
// its exact place, and strictness about what is sent.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-chi/chi/v5"
)

// Config is what tells one API from another.
type Config struct {
	Title       string
	Version     string // of the program that serves it
	Description string
	MaxBody     int64 // bytes of a request
	Middleware  []func(http.Handler) http.Handler
}

func init() {
	huma.ValidateStrictCasing = true // "userid" is no "userId", though encoding/json would take it

	// Whole numbers: 1000000, not 1e+06.
	validation.MsgExpectedMinimumNumber = "expected number >= %.f"
	validation.MsgExpectedMaximumNumber = "expected number <= %.f"
}

// New returns the handler, which serves the document at /openapi.json, and where operations are registered.
func New(c Config) (http.Handler, huma.API) {
	router := chi.NewRouter()
	router.Use(hurry)
	router.Use(c.Middleware...)
	router.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is nothing here; see /openapi.json")
	})
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Allow"] = methodsOf(router, r)
		refuse(w, http.StatusMethodNotAllowed, "not by this method; see the Allow header")
	})

	config := huma.DefaultConfig(c.Title, cmp.Or(c.Version, "1"))
	config.Info.Description = c.Description + " There is no authentication here: put something in front."
	config.DocsPath = ""     // a page that loads scripts from elsewhere
	config.CreateHooks = nil // no $schema in answers
	config.SchemasPath = ""  // all are in the document
	config.RejectUnknownQueryParameters = true
	config.OnAddOperation = append(config.OnAddOperation, readBefore)
	strict := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	config.Formats = map[string]huma.Format{"application/json": strict, "json": strict}
	config.Transformers = append(config.Transformers, tidy)
	operations := humachi.New(router, config)
	operations.UseMiddleware(query(operations), body{max: c.MaxBody}.read)
	return router, operations
}

// patience is how long a request waits for a database.
const patience = 10 * time.Second

// Bounded ends requests that a database in trouble keeps waiting. What answers for longer, such as a stream, goes without it.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// refuse answers what no operation is asked for.
func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // a client that is gone needs no answer
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// methodsOf are the methods that a request's path takes.
func methodsOf(router chi.Router, r *http.Request) []string {
	path := r.URL.RawPath // which chi goes by where it is there: an escaped slash is none
	if path == "" {
		path = r.URL.Path
	}
	var taken []string
	for _, method := range methods {
		if router.Match(chi.NewRouteContext(), method, path) {
			taken = append(taken, method)
		}
	}
	return taken
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

// Problem describes an RFC 9457 answer with headers of its own; huma describes those that have none.
func Problem(description string, headers map[string]*huma.Param) *huma.Response {
	return &huma.Response{
		Description: description, Headers: headers,
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}},
	}
}

// RetryAfter is the header of answers that ask for patience.
var RetryAfter = map[string]*huma.Param{
	"Retry-After": {Description: "Seconds after which to try again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
}

// Unavailable describes the answer while the database is away or the service has too much to do.
func Unavailable() map[string]*huma.Response {
	return map[string]*huma.Response{"503": Problem("Not now, ask again later", RetryAfter)}
}

// BodyErrors are the statuses of what cannot be read, for operations that take a body.
var BodyErrors = []int{
	http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
}
