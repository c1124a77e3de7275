package http_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/order"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	r := setup(t)
	a := r.call(t, "POST", "/api/orders", valid)
	if a.status != http.StatusAccepted {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	var placed struct {
		OrderID int64
		Status  string
	}
	a.decode(t, &placed)
	if want := fmt.Sprintf("{\"orderId\":%d,\"status\":\"PENDING\"}\n", placed.OrderID); string(a.body) != want {
		t.Fatalf("%s, want %s", a.body, want)
	}
	if placed.OrderID < 100_000_000 || placed.OrderID >= 1<<53 {
		t.Fatalf("order id %d", placed.OrderID)
	}
	if location := a.header.Get("Location"); r.call(t, "GET", location, "").status != http.StatusOK {
		t.Fatalf("nothing at %q", location)
	}
}

func TestWhatCannotBePlaced(t *testing.T) {
	t.Parallel()
	r := setup(t)
	item := func(text string) string { return `{"userId":42,"items":[{"sku":"A","qty":1},` + text + `]}` }
	for name, test := range map[string]struct {
		body   string
		status int
		places []string
	}{
		"not JSON":              {`hello`, 400, []string{"body"}},
		"half JSON":             {`{"userId":42`, 400, []string{"body"}},
		"more than one value":   {valid + valid, 400, []string{"body"}},
		"no body":               {``, 400, nil},
		"a list":                {`[]`, 422, []string{"body"}},
		"an unknown field":      {`{"userId":42,"items":[{"sku":"A","qty":1,"price":1}],"coupon":"x"}`, 422, []string{"body.items[0].price", "body.coupon"}},
		"a field in other case": {`{"userid":42,"userId":42,"items":[{"SKU":"A","sku":"A","qty":1}]}`, 422, []string{"body.items[0].SKU", "body.userid"}},
		"a field twice":         {`{"userId":42,"userId":43,"items":[{"sku":"A","qty":1}]}`, 400, []string{"body"}},
		"no UTF-8":              {"{\"userId\":42,\"items\":[{\"sku\":\"A\xff\",\"qty\":1}]}", 400, []string{"body"}},
		"no user":               {`{"items":[{"sku":"A","qty":1}]}`, 422, []string{"body.userId"}},
		"user 0":                {`{"userId":0,"items":[{"sku":"A","qty":1}]}`, 422, []string{"body.userId"}},
		"user beyond 2^53":      {`{"userId":9007199254740992,"items":[{"sku":"A","qty":1}]}`, 422, []string{"body.userId"}},
		"no items":              {`{"userId":42}`, 422, []string{"body.items"}},
		"null items":            {`{"userId":42,"items":null}`, 422, []string{"body.items"}},
		"empty items":           {`{"userId":42,"items":[]}`, 422, []string{"body.items"}},
		"too many items":        {`{"userId":42,"items":[` + strings.Repeat(`{"sku":"A","qty":1},`, order.MaxItems) + `{"sku":"A","qty":1}]}`, 422, []string{"body.items"}},
		"qty 0":                 {item(`{"sku":"B","qty":0}`), 422, []string{"body.items[1].qty"}},
		"half a piece":          {item(`{"sku":"B","qty":1.5}`), 422, []string{"body.items[1].qty"}},
		"qty too large":         {item(`{"sku":"B","qty":1000001}`), 422, []string{"body.items[1].qty"}},
		"qty beyond int64":      {item(`{"sku":"B","qty":99999999999999999999}`), 422, []string{"body.items[1].qty"}},
		"qty as text":           {item(`{"sku":"B","qty":"1"}`), 422, []string{"body.items[1].qty"}},
		"no qty":                {item(`{"sku":"B"}`), 422, []string{"body.items[1].qty"}},
		"no sku":                {item(`{"qty":1}`), 422, []string{"body.items[1].sku"}},
		"an empty sku":          {item(`{"sku":"","qty":1}`), 422, []string{"body.items[1].sku"}},
		"a long sku":            {item(`{"sku":"` + strings.Repeat("x", 65) + `","qty":1}`), 422, []string{"body.items[1].sku"}},
		"NUL":                   {item(`{"sku":"B\u0000","qty":1}`), 422, []string{"body.items[1].sku"}},
		"half a surrogate":      {item(`{"sku":"B\ud800","qty":1}`), 422, []string{"body.items[1].sku"}},
		"a sum too large":       {item(`{"sku":"A","qty":1000000}`), 422, []string{"body.items[1].qty"}},
		"too large":             {strings.Repeat(" ", order.MaxBody) + valid, 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.places, r.call(t, "POST", "/api/orders", test.body, "Content-Type", "application/json").problem(t, test.status)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestWhatCanBePlaced(t *testing.T) {
	t.Parallel()
	r := setup(t)
	full := make([]string, order.MaxItems)
	for i := range full {
		full[i] = fmt.Sprintf(`{"sku":"%s%03d","qty":1000000}`, strings.Repeat(`\u00fc`, 61), i)
	}
	for name, body := range map[string]string{
		"the largest order":     `{"userId":9007199254740991,"items":[` + strings.Join(full, ",") + `]}`,
		"an integer as 2.0":     `{"userId":42,"items":[{"sku":"A","qty":2.0},{"sku":"A","qty":2e3}]}`,
		"quotes and spaces":     `{"userId":42,"items":[{"sku":"a \"b\" \\ ü","qty":2}]}`,
		"duplicates":            `{"userId":42,"items":[{"sku":"A","qty":1},{"sku":"B","qty":1},{"sku":"A","qty":2}]}`,
		"the sku that fails":    `{"userId":42,"items":[{"sku":"FAIL","qty":1}]}`,
		"white space all over ": " {\n\"userId\" : 42 , \"items\" : [ { \"sku\" : \"A\" , \"qty\" : 1 } ] } ",
	} {
		if a := r.call(t, "POST", "/api/orders", body); a.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	r := setup(t)
	for contentType, status := range map[string]int{
		"application/json": 202, "application/json; charset=utf-8": 202, "Application/JSON": 202, "text/plain": 415, "application/x-www-form-urlencoded": 415,
	} {
		if a := r.call(t, "POST", "/api/orders", valid, "Content-Type", contentType); a.status != status {
			t.Errorf("%s: %d, want %d: %s", contentType, a.status, status, a.body)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	r := setup(t)
	post := func(key, body string) answer { return r.call(t, "POST", "/api/orders", body, "Idempotency-Key", key) }
	first := post(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`, valid)
	for name, again := range map[string]answer{
		"the same":            post(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`, valid),
		"bare":                post(`8e03978e-40d5-43dd-bc93-6894a57f9324`, valid),
		"with a parameter":    post(`"8e03978e-40d5-43dd-bc93-6894a57f9324";a=1`, valid),
		"written differently": post(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`, `{"items":[{"qty":1,"sku":"ABC-001"},{"sku":"ABC-001","qty":1}], "userId":42}`),
	} {
		if again.status != 202 || string(again.body) != string(first.body) || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: %d %s, want %s", name, again.status, again.body, first.body)
		}
	}
	post(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`, strings.Replace(valid, "2}", "3}", 1)).problem(t, 422)
	if other := post(`"another"`, valid); other.status != 202 || string(other.body) == string(first.body) {
		t.Errorf("another key: %d %s", other.status, other.body)
	}
	for _, malformed := range []string{`"unclosed`, `""`, `two words`, strings.Repeat("x", 256), `"ü"`} {
		if diff := cmp.Diff([]string{"header.Idempotency-Key"}, post(malformed, valid).problem(t, 422)); diff != "" {
			t.Errorf("%s: %s", malformed, diff)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.call(t, "GET", "/api/order", "").problem(t, 404)
	r.call(t, "GET", "/", "").problem(t, 404)
	r.call(t, "GET", "/api/orders/12345", "").problem(t, 404)
	r.call(t, "GET", "/api/orders/12345/events", "").problem(t, 404)
	r.call(t, "GET", "/api/orders/abc", "").problem(t, 422)
	r.call(t, "GET", "/api/orders/0", "").problem(t, 422)
	a := r.call(t, "DELETE", "/api/orders", "")
	a.problem(t, 405)
	if allow := a.header.Values("Allow"); len(allow) == 0 {
		t.Error("405 without Allow")
	}
}

func TestTheCallersTraceGoesOnWithTheOrder(t *testing.T) {
	t.Parallel()
	r := setup(t)
	a := r.call(t, "POST", "/api/orders", valid, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	var placed struct{ OrderID int64 }
	a.decode(t, &placed)
	o, _, err := r.orders.Get(t.Context(), placed.OrderID)
	if err != nil || !strings.HasPrefix(o.TraceParent, "00-0af7651916cd43dd8448eb211c80319c-") {
		t.Fatalf("%q, %v", o.TraceParent, err)
	}
}

// Whatever is sent, the answer is an order taken or a problem, and no defect of ours.
func FuzzPlace(f *testing.F) {
	for _, body := range []string{valid, `{}`, `[]`, `{"userId":1e400}`, `{"items":[{"sku":"\u0000","qty":-0}]}`, `null`} {
		f.Add(body, `"key"`)
	}
	f.Add(valid, `?1;a="x"`)
	handler := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, body, key string) { handler(t, body, key) })
}
