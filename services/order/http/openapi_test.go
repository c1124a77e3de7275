package http_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/order"
)

type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Responses map[string]struct {
			Headers map[string]any
			Content map[string]any
		}
	}
	Components struct {
		Schemas map[string]struct {
			AdditionalProperties any
			Properties           map[string]struct{ Minimum, Maximum, MinLength, MaxLength, MinItems, MaxItems float64 }
		}
	}
}

func TestTheDocumentIsWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	r := setup(t)
	var doc document
	r.call(t, "GET", "/openapi.json", "").decode(t, &doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatal(doc.OpenAPI)
	}
	for operation, want := range map[string][]string{
		"post /api/orders":            {"202", "400", "408", "409", "413", "415", "422", "500", "503"},
		"get /api/orders":             {"200", "422", "500", "503"},
		"get /api/orders/{id}":        {"200", "404", "422", "500", "503"},
		"get /api/orders/{id}/events": {"200", "204", "404", "422", "500", "503"},
	} {
		method, path, _ := strings.Cut(operation, " ")
		responses := doc.Paths[path][method].Responses
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(responses))); diff != "" {
			t.Errorf("%s: %s", operation, diff)
		}
		if responses["503"].Headers["Retry-After"] == nil {
			t.Errorf("%s: 503 without Retry-After", operation)
		}
		for status, response := range responses {
			if _, isProblem := response.Content["application/problem+json"]; status >= "400" && !isProblem {
				t.Errorf("%s: %s is no problem document", operation, status)
			}
		}
	}
	if doc.Paths["/api/orders"]["post"].Responses["202"].Headers["Location"] == nil {
		t.Error("202 without Location")
	}
	if _, streams := doc.Paths["/api/orders/{id}/events"]["get"].Responses["200"].Content["text/event-stream"]; !streams {
		t.Error("events are no stream")
	}
	item, body := doc.Components.Schemas["ItemBody"], doc.Components.Schemas["PlaceBody"]
	if item.AdditionalProperties != false || body.AdditionalProperties != false {
		t.Error("unknown fields are not refused")
	}
	got := []float64{item.Properties["qty"].Minimum, item.Properties["qty"].Maximum, item.Properties["sku"].MaxLength, body.Properties["items"].MaxItems, body.Properties["userId"].Maximum}
	if diff := cmp.Diff([]float64{1, order.MaxQty, order.MaxSKU, order.MaxItems, order.MaxUserID}, got); diff != "" {
		t.Error(diff)
	}
}
