package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// bodyTimeout is how long a body may take to arrive.
const bodyTimeout = 5 * time.Second

// hurry bounds that time for bodies that nobody reads, too: net/http waits for what it was promised before it answers, and
// before it ends a connection.
func hurry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // where it cannot be set, the body is here
		}
		next.ServeHTTP(w, r)
	})
}

// body reads requests' bodies before their handlers do, so that one which never ends, or breaks off, is the client's error
// and not ours.
type body struct{ max int64 }

func (b body) read(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().RequestBody == nil {
		next(ctx)
		return
	}
	r, w := humachi.Unwrap(ctx)
	if status, detail := b.take(w, r); status != 0 {
		w.Header().Set("Connection", "close") // what is left of the body is not read
		refuse(w, status, detail)
		return
	}
	next(ctx)
}

// readBefore has huma lift the deadline, and set none of its own, once body has read: net/http reads on, to notice a client
// that hangs up, and takes a deadline that passes for that.
func readBefore(_ *huma.OpenAPI, operation *huma.Operation) {
	operation.BodyReadTimeout, operation.MaxBodyBytes = -1, -1
}

// take puts what arrived in the place of what is to arrive, or says what to answer.
func (b body) take(w http.ResponseWriter, r *http.Request) (status int, detail string) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		return http.StatusUnsupportedMediaType, "the body must not be compressed"
	}
	if r.ContentLength > b.max {
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	r.Header.Set("Content-Type", strings.ToLower(r.Header.Get("Content-Type"))) // huma knows media types in small letters only
	var text bytes.Buffer
	if r.ContentLength > 0 {
		text.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := text.ReadFrom(io.LimitReader(r.Body, b.max+1))
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return http.StatusRequestTimeout, "the body did not arrive within " + bodyTimeout.String()
	case err != nil:
		return http.StatusBadRequest, "the body broke off"
	case int64(text.Len()) > b.max:
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	r.Body = io.NopCloser(&text)
	return 0, ""
}
