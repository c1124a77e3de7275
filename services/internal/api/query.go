package api

import (
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// query refuses a query that cannot be read, or says a thing twice. huma takes what it cannot read for absent, and the first
// of two: without a filter that somebody meant it would show everybody's.
func query(operations huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, _ := humachi.Unwrap(ctx)
		values, err := url.ParseQuery(r.URL.RawQuery)
		var problems []error
		if err != nil {
			problems = append(problems, &huma.ErrorDetail{Message: err.Error(), Location: "query"})
		}
		for name, given := range values {
			if len(given) > 1 {
				problems = append(problems, &huma.ErrorDetail{Message: "is there more than once", Location: "query." + name})
			}
		}
		if len(problems) > 0 {
			_ = huma.WriteErr(operations, ctx, http.StatusUnprocessableEntity, "validation failed", problems...) // a client that is gone needs no answer
			return
		}
		next(ctx)
	}
}
