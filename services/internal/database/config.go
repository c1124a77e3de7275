// Package database opens PostgreSQL or SQLite by URL, waits for it, migrates it, and tells a refusal from an outage.
package database

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Config says where a service keeps its state.
type Config struct {
	URL     string
	URLFile string
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.URL, "database-url", "", "`URL` of the database, postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:PATH (required, or a file) ($DATABASE_URL).")
	f.StringVar(&c.URLFile, "database-url-file", "", "`FILE` that holds the URL, in place of --database-url. Read again for each new connection, waited for when it does not exist yet ($DATABASE_URL_FILE).")
}

// Validate reports everything that is wrong, each with its flag.
func (c Config) Validate() error {
	if (c.URL == "") == (c.URLFile == "") {
		return errors.New("--database-url: give either it or --database-url-file")
	}
	if c.URL == "" {
		return nil
	}
	if err := check(c.URL); err != nil {
		return fmt.Errorf("--database-url: %w", err)
	}
	return nil
}

func check(raw string) error {
	if path, ok := strings.CutPrefix(raw, "sqlite:"); ok {
		return checkSQLitePath(path)
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Host == "" {
		return errors.New("is neither postgres://USER:PASSWORD@HOST:PORT/NAME nor sqlite:PATH")
	}
	return nil
}

// Resolve is the URL as it stands now. A file that does not exist yet is an error to wait on.
func (c Config) Resolve() (string, error) {
	if c.URLFile == "" {
		return c.URL, nil
	}
	text, err := os.ReadFile(c.URLFile)
	if err != nil {
		return "", fmt.Errorf("read the database URL: %w", err)
	}
	raw := strings.TrimSpace(string(text))
	if err := check(raw); err != nil {
		return "", fmt.Errorf("database URL in %s: %w", c.URLFile, err)
	}
	return raw, nil
}
