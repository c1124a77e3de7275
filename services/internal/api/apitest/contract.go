// Package apitest holds an API to its own OpenAPI document: what is answered is documented, and what is documented is
// answered.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Contract is a document, and what of it was seen.
type Contract struct {
	t   *testing.T
	doc document

	mu   sync.Mutex
	seen map[string]bool // "POST /api/orders 202"
}

type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct{ Responses map[string]response }

type response struct {
	Headers map[string]any
	Content map[string]struct{ Schema *schema }
}

// Of reads the document that a handler serves.
func Of(t *testing.T, handler http.Handler) *Contract {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil))
	c := &Contract{t: t, seen: map[string]bool{}}
	if err := json.Unmarshal(answer.Body.Bytes(), &c.doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.doc.OpenAPI, "3.1") {
		t.Fatalf("OpenAPI %s", c.doc.OpenAPI)
	}
	return c
}

// Hold passes requests on and fails the test where an answer is not as documented.
func (c *Contract) Hold(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watched{ResponseWriter: w, status: http.StatusOK}
		handler.ServeHTTP(watched, r)
		c.check(r, watched)
	})
}

// watched keeps what is answered.
type watched struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(text []byte) (int, error) {
	w.body.Write(text)
	return w.ResponseWriter.Write(text)
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (c *Contract) check(r *http.Request, w *watched) {
	path, known := c.operation(r)
	if !known {
		return // 404 and 405 of paths that nobody documents
	}
	name := fmt.Sprintf("%s %s %d", r.Method, path, w.status)
	c.mu.Lock()
	c.seen[name] = true
	c.mu.Unlock()
	documented, ok := c.doc.Paths[path][strings.ToLower(r.Method)].Responses[fmt.Sprint(w.status)]
	if !ok {
		c.t.Errorf("%s is not documented: %s", name, w.body.String())
		return
	}
	for header := range documented.Headers {
		if w.Header().Get(header) == "" {
			c.t.Errorf("%s has no %s", name, header)
		}
	}
	contentType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	content, ok := documented.Content[contentType]
	switch {
	case !ok && (len(documented.Content) > 0 || w.body.Len() > 0):
		c.t.Errorf("%s is %q, which is not documented", name, contentType)
	case ok && contentType != "text/event-stream":
		var value any
		decoder := json.NewDecoder(&w.body)
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			c.t.Errorf("%s: %v", name, err)
			return
		}
		for _, fault := range c.faults(content.Schema, value, "body") {
			c.t.Errorf("%s: %s", name, fault)
		}
	}
}

var parameter = regexp.MustCompile(`\\\{[^/]+\\\}`)

// operation is the documented path that a request goes to.
func (c *Contract) operation(r *http.Request) (path string, known bool) {
	for path, operations := range c.doc.Paths {
		pattern := "^" + parameter.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$"
		if _, takes := operations[strings.ToLower(r.Method)]; takes && regexp.MustCompile(pattern).MatchString(r.URL.EscapedPath()) {
			return path, true
		}
	}
	return "", false
}

// AllSeen fails the test unless every documented answer was given.
func (c *Contract) AllSeen() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for path, operations := range c.doc.Paths {
		for method, operation := range operations {
			for status := range maps.Keys(operation.Responses) {
				if name := strings.ToUpper(method) + " " + path + " " + status; !c.seen[name] {
					missing = append(missing, name)
				}
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		c.t.Errorf("documented, and never answered:\n%s", strings.Join(missing, "\n"))
	}
}
