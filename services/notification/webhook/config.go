// Package webhook delivers notifications as signed webhooks (https://www.standardwebhooks.com).
package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/notification"
)

// Config says who gets webhooks.
type Config struct {
	URLs         []string
	SecretFile   string
	AllowPrivate bool
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	f.StringSliceVar(&c.URLs, "webhook-url", nil, "`URL` to post a signed webhook to for each notification; repeatable, or comma separated. Needs --webhook-secret-file ($WEBHOOK_URLS).")
	f.StringVar(&c.SecretFile, "webhook-secret-file", "", "`FILE` with the signing secret, whsec_ and base64 of 24 to 64 bytes; more lines sign too, for a change of secrets. Read again when it changes, waited for when it does not exist yet ($WEBHOOK_SECRET_FILE).")
	f.BoolVar(&c.AllowPrivate, "webhook-allow-private", false, "Also post to loopback, private and other addresses that are not public ($WEBHOOK_ALLOW_PRIVATE).")
}

const (
	// parallelInAll is how many requests may be under way, divided fairly between the receivers.
	parallelInAll = 128
	// parallelEach is how many of them one receiver gets at most.
	parallelEach = 16
)

// Validate reports everything that is wrong, each with its flag.
func (c Config) Validate() error {
	var errs []error
	seen := map[string]bool{}
	for _, raw := range c.URLs {
		if err := checkURL(raw); err != nil {
			errs = append(errs, fmt.Errorf("--webhook-url: %w", err))
		}
		if seen[raw] {
			errs = append(errs, fmt.Errorf("--webhook-url: %s is given twice", raw))
		}
		seen[raw] = true
	}
	if len(c.URLs) > parallelInAll {
		errs = append(errs, fmt.Errorf("--webhook-url: %d are more than %d", len(c.URLs), parallelInAll))
	}
	if len(c.URLs) > 0 && c.SecretFile == "" {
		errs = append(errs, errors.New("--webhook-secret-file: is needed with --webhook-url"))
	}
	if c.SecretFile != "" {
		if _, err := (&secretFile{path: c.SecretFile}).signers(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("--webhook-secret-file: %w", err))
		}
	}
	return errors.Join(errs...)
}

func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is no URL") // the error would repeat what may hold a password
	case u.User != nil:
		return fmt.Errorf("%s: a user name or password would be shown in logs and lists; the signature is the credential", u.Redacted())
	case (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return fmt.Errorf("%q is neither https://HOST/PATH nor http://HOST/PATH", raw)
	case u.Fragment != "":
		return fmt.Errorf("%q: a fragment is never sent", raw)
	}
	return nil
}

// Receivers are those who get webhooks.
func (c Config) Receivers() []notification.Receiver {
	if len(c.URLs) == 0 {
		return nil
	}
	sender := newClient(c.AllowPrivate)
	secrets := &secretFile{path: c.SecretFile}
	parallel := min(parallelEach, parallelInAll/len(c.URLs))
	receivers := make([]notification.Receiver, 0, len(c.URLs))
	for _, u := range c.URLs {
		receivers = append(receivers, notification.Receiver{
			ID: ReceiverID(u), Address: u, Batch: 1, Parallel: parallel,
			Sender: &Sender{URL: u, client: sender, secrets: secrets},
		})
	}
	return receivers
}

// ReceiverID is the identity of a URL in the ledger: another URL is another receiver.
func ReceiverID(rawURL string) string {
	sum := sha256.Sum256([]byte(rawURL))
	return "webhook_" + hex.EncodeToString(sum[:6])
}
