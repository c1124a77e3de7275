package http

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/dunglas/httpsfv"
	"go.opentelemetry.io/otel/propagation"

	web "github.com/openorder/openorder/services/internal/api"
	"github.com/openorder/openorder/services/internal/event"
	"github.com/openorder/openorder/services/order"
)

// integer also takes 2.0 and 2e3, which JSON Schema calls integers.
type integer int64

// UnmarshalJSON takes any JSON number without a fraction.
func (i *integer) UnmarshalJSON(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*i = integer(n)
		return nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > order.MaxUserID {
		return fmt.Errorf("not an integer: %s", text)
	}
	*i = integer(f)
	return nil
}

type itemBody struct {
	SKU string  `json:"sku" doc:"What is ordered: printable characters, none of them a space at either end." example:"ABC-001"`
	Qty integer `json:"qty" doc:"How many. Items of the same sku are merged, and their sum has the same limit." example:"2"`
}

type placeBody struct {
	UserID integer    `json:"userId" doc:"Who orders." example:"42"`
	Items  []itemBody `json:"items" nullable:"false"`
}

// TransformSchema states the domain's limits, in one place with the code that keeps them.
func (itemBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	one, most := 1, order.MaxSKU
	s.Properties["sku"].MinLength, s.Properties["sku"].MaxLength = &one, &most
	between(s.Properties["qty"], 1, order.MaxQty)
	s.PrecomputeMessages()
	return s
}

// TransformSchema states the domain's limits.
func (placeBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	one, most := 1, order.MaxItems
	s.Properties["items"].MinItems, s.Properties["items"].MaxItems = &one, &most
	between(s.Properties["userId"], 1, order.MaxUserID)
	s.PrecomputeMessages()
	return s
}

func between(s *huma.Schema, least, most float64) {
	s.Minimum, s.Maximum = &least, &most
	s.PrecomputeMessages()
}

type placeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"A structured-field string, with its quotes or bare, of at most 255 characters. Kept for 24 hours at least: the same key with the same content is answered as the first time; with other content 422; while the first is in flight 409." example:"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""`
	Body           placeBody
}

type placedBody struct {
	OrderID int64        `json:"orderId" doc:"JavaScript holds it exactly."`
	Status  order.Status `json:"status" enum:"PENDING"`
}

type placeOutput struct {
	Location string `header:"Location" doc:"Where the order is."`
	Body     placedBody
}

func placeOperation() huma.Operation {
	o := operation("place-order", http.MethodPost, "/api/orders", "Place an order",
		web.BodyErrors...)
	o.Description = "Answered once the order is durable. When a 503 says that the order may have been taken, send the same request with the same Idempotency-Key again."
	o.DefaultStatus = http.StatusAccepted
	o.Responses["409"] = web.Problem("The first request with this Idempotency-Key is still in flight", web.RetryAfter)
	return o
}

func (a *api) place(ctx context.Context, in *placeInput) (*placeOutput, error) {
	key, err := idempotencyKey(in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	items := make(event.Items, len(in.Body.Items))
	for i, item := range in.Body.Items {
		items[i] = event.Item{SKU: item.SKU, Qty: int64(item.Qty)}
	}
	id, err := a.orders.Place(ctx, order.Request{
		Draft: order.Draft{UserID: int64(in.Body.UserID), Items: items}, IdempotencyKey: key, TraceParent: traceParent(ctx),
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &placeOutput{Location: pathOf(id), Body: placedBody{id, order.Pending}}, nil
}

func pathOf(id int64) string { return "/api/orders/" + strconv.FormatInt(id, 10) }

// traceParent is the request's trace context, for the event that follows from it.
func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

var bareKey = regexp.MustCompile(`^[\x21\x23-\x7e]+$`)

// idempotencyKey reads a structured field's string, and the same without quotes.
func idempotencyKey(header string) (string, error) {
	key := strings.TrimSpace(header)
	if key == "" {
		return "", nil
	}
	refuse := func(message string) (string, error) {
		return "", misplaced([]order.Problem{{Location: "header.Idempotency-Key", Message: message, Value: header}})
	}
	if !bareKey.MatchString(key) {
		item, err := httpsfv.UnmarshalItem([]string{key})
		text, isString := item.Value.(string)
		if err != nil || !isString || text == "" {
			return refuse(`must be a string such as "8e03978e-40d5-43dd-bc93-6894a57f9324"`)
		}
		key = text
	}
	if len(key) > order.MaxKey {
		return refuse(fmt.Sprintf("must have at most %d characters", order.MaxKey))
	}
	return key, nil
}
