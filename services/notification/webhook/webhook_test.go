package webhook_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/openorder/openorder/services/notification"
	"github.com/openorder/openorder/services/notification/webhook"
)

func newSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

type request struct {
	header http.Header
	body   []byte
}

// hook is somebody who receives webhooks.
type hook struct {
	secret     string
	secretFile string
	url        string
	got        chan request
	config     webhook.Config
}

func listen(t testing.TB, answer http.HandlerFunc) *hook {
	t.Helper()
	h := &hook{secret: newSecret(), secretFile: filepath.Join(t.TempDir(), "secret"), got: make(chan request, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.got <- request{r.Header, body}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + "/hooks?for=orders"
	write(t, h.secretFile, h.secret+"\n")
	h.config = webhook.Config{URLs: []string{h.url}, SecretFile: h.secretFile, AllowPrivate: true}
	return h
}

func (h *hook) send(t testing.TB, n notification.Notification) notification.Result {
	t.Helper()
	sender := h.config.Receivers()[0].Sender
	if err := sender.Ready(); err != nil {
		t.Fatal(err)
	}
	return sender.Send(t.Context(), []notification.Notification{n})[0]
}

func answers(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

var rejected = notification.Notification{
	ID:     notification.ID{OrderID: 7301, Status: notification.Rejected, Receiver: "webhook_0a1b"},
	Reason: "OUT_OF_STOCK", At: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
}

func TestAWebhookIsSignedAsStandardWebhooksHasIt(t *testing.T) {
	t.Parallel()
	h := listen(t, answers(http.StatusNoContent))
	if result := h.send(t, rejected); result.Err != nil {
		t.Fatal(result.Err)
	}
	got := <-h.got
	verifier, err := standardwebhooks.NewWebhook(h.secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(got.body, got.header); err != nil {
		t.Error(err)
	}
	if id := got.header.Get("webhook-id"); id != "7301-REJECTED-webhook_0a1b" {
		t.Errorf("webhook-id %q", id)
	}
	seconds, err := strconv.ParseInt(got.header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)) > time.Minute {
		t.Errorf("webhook-timestamp %q", got.header.Get("webhook-timestamp"))
	}
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type %q", kind)
	}
	var payload any
	if err := json.Unmarshal(got.body, &payload); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "order.rejected", "timestamp": "2026-07-01T12:00:00Z",
		"data": map[string]any{"orderId": 7301.0, "status": "REJECTED", "reason": "OUT_OF_STOCK"},
	}
	if diff := cmp.Diff(want, payload); diff != "" {
		t.Error(diff)
	}
}

func TestARetryKeepsTheIDAndTheBody(t *testing.T) {
	t.Parallel()
	h := listen(t, answers(http.StatusInternalServerError))
	for range 2 {
		h.send(t, rejected)
	}
	first, second := <-h.got, <-h.got
	if first.header.Get("webhook-id") != second.header.Get("webhook-id") || string(first.body) != string(second.body) {
		t.Errorf("got %v %s, then %v %s", first.header, first.body, second.header, second.body)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		retryAfter string
		failed     bool
		gone       bool
		wait       time.Duration
	}{
		"200 is a delivery":             {status: 200},
		"202 is a delivery":             {status: 202},
		"302 is a failure":              {status: 302, failed: true},
		"304 is a failure":              {status: 304, failed: true},
		"400 is a failure":              {status: 400, failed: true},
		"410 means never again":         {status: 410, failed: true, gone: true},
		"429 with seconds":              {status: 429, retryAfter: "120", failed: true, wait: 2 * time.Minute},
		"503 with nonsense":             {status: 503, retryAfter: "soon", failed: true},
		"503 with a negative number":    {status: 503, retryAfter: "-5", failed: true},
		"503 with a date long ago":      {status: 503, retryAfter: "Wed, 21 Oct 2015 07:28:00 GMT", failed: true},
		"503 without end is not minded": {status: 503, retryAfter: "99999999999999999999", failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := listen(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
			})
			result := h.send(t, rejected)
			if (result.Err != nil) != test.failed || result.Gone != test.gone || result.RetryAfter != test.wait {
				t.Errorf("got %+v", result)
			}
			<-h.got
			if len(h.got) != 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	t.Parallel()
	h := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if result := h.send(t, rejected); result.RetryAfter < 59*time.Minute || result.RetryAfter > time.Hour {
		t.Errorf("got %s", result.RetryAfter)
	}
}

func TestAnEndlessAnswerIsNotRead(t *testing.T) {
	t.Parallel()
	h := listen(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	if result := h.send(t, rejected); result.Err != nil {
		t.Error(result.Err)
	}
}

func TestTheSecretIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	h := listen(t, answers(http.StatusOK))
	sender := h.config.Receivers()[0].Sender
	older, newer := h.secret, newSecret()
	for _, step := range []struct {
		file  string
		signs []string
	}{
		{older + "\n", []string{older}},
		{newer + "\n\n" + older, []string{newer, older}},
		{newer, []string{newer}},
	} {
		write(t, h.secretFile, step.file)
		if result := sender.Send(t.Context(), []notification.Notification{rejected})[0]; result.Err != nil {
			t.Fatal(result.Err)
		}
		got := <-h.got
		for _, secret := range []string{older, newer} {
			verifier, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			signed := verifier.Verify(got.body, got.header) == nil
			if want := strings.Contains(strings.Join(step.signs, " "), secret); signed != want {
				t.Errorf("signed by a secret of %q: %t, want %t", step.file, signed, want)
			}
		}
	}
}

func TestASecretThatDoesNotExistYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := listen(t, answers(http.StatusOK))
	if err := os.Remove(h.secretFile); err != nil {
		t.Fatal(err)
	}
	if err := h.config.Validate(); err != nil {
		t.Errorf("refused at start: %v", err)
	}
	sender := h.config.Receivers()[0].Sender
	if err := sender.Ready(); err == nil {
		t.Error("ready without a secret")
	}
	write(t, h.secretFile, h.secret)
	if err := sender.Ready(); err != nil {
		t.Error(err)
	}
}

func TestATimeOutIsAFailure(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	h := listen(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan notification.Result)
	go func() { results <- h.config.Receivers()[0].Sender.Send(ctx, []notification.Notification{rejected})[0] }()
	<-h.got
	cancel()
	if result := <-results; result.Err == nil || result.Gone {
		t.Errorf("got %+v", result)
	} else if strings.Contains(result.Err.Error(), h.url) {
		t.Errorf("the error repeats the URL: %v", result.Err)
	}
}

func TestPrivateAddressesAreRefusedWhateverTheirName(t *testing.T) {
	t.Parallel()
	h := listen(t, answers(http.StatusOK))
	h.config.AllowPrivate = false
	for _, host := range []string{"127.0.0.1", "localhost"} {
		h.config.URLs = []string{strings.Replace(h.url, "127.0.0.1", host, 1)}
		result := h.send(t, rejected)
		if result.Err == nil || !strings.Contains(result.Err.Error(), "--webhook-allow-private") {
			t.Errorf("%s: got %v", host, result.Err)
		}
	}
	if len(h.got) != 0 {
		t.Error("a private address was reached")
	}
}

func TestWrongValuesAreRefusedNamingTheFlag(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for name, test := range map[string]struct {
		secret string
		urls   []string
		want   []string
	}{
		"good":                {newSecret(), []string{"https://example.com/a", "http://example.com/a?b=c"}, nil},
		"none":                {newSecret(), nil, nil},
		"no URL at all":       {newSecret(), []string{"example.com"}, []string{"--webhook-url: "}},
		"another scheme":      {newSecret(), []string{"ftp://example.com"}, []string{"--webhook-url: "}},
		"a password":          {newSecret(), []string{"https://me:secret@example.com"}, []string{"--webhook-url: "}},
		"a fragment":          {newSecret(), []string{"https://example.com/#a"}, []string{"--webhook-url: "}},
		"twice":               {newSecret(), []string{"https://a.example", "https://a.example"}, []string{"twice"}},
		"a secret in hex":     {"deadbeef", []string{"https://a.example"}, []string{"--webhook-secret-file: "}},
		"a short secret":      {"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), nil, []string{"holds 23 bytes, not 24 to 64"}},
		"a long secret":       {"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), nil, []string{"holds 65 bytes"}},
		"a secret of nothing": {"", nil, []string{"is empty"}},
		"everything at once":  {"deadbeef", []string{"x"}, []string{"--webhook-url: ", "--webhook-secret-file: "}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, file, test.secret)
			err := webhook.Config{URLs: test.urls, SecretFile: file}.Validate()
			if len(test.want) == 0 && err != nil {
				t.Errorf("refused: %v", err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in: %v", want, err)
				}
			}
			if text := fmt.Sprint(err); strings.Contains(text, "secret@") || strings.Contains(text, "deadbeef") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
	if err := (webhook.Config{URLs: []string{"https://a.example"}}).Validate(); err == nil {
		t.Error("a URL without a secret is taken")
	}
}

func TestReceiversShareTheRequestsThatMayBeUnderWay(t *testing.T) {
	t.Parallel()
	config := webhook.Config{SecretFile: "secret"}
	for len(config.URLs) < 128 {
		config.URLs = append(config.URLs, fmt.Sprintf("https://%d.example", len(config.URLs)))
		sum := 0
		ids := map[string]bool{}
		for _, r := range config.Receivers() {
			sum += r.Parallel
			ids[r.ID] = true
			if r.Parallel < 1 || r.Parallel > 16 {
				t.Fatalf("%d receivers: %d at once", len(config.URLs), r.Parallel)
			}
		}
		if sum > 128 || len(ids) != len(config.URLs) {
			t.Fatalf("%d receivers: %d requests, %d ids", len(config.URLs), sum, len(ids))
		}
	}
}
