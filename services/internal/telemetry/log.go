// Package telemetry is logs and traces.
package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// LogConfig says what is logged, and how.
type LogConfig struct {
	Level  string
	Format string
}

// AddFlags registers the flags.
func (c *LogConfig) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.Level, "log-level", "info", "Lowest `LEVEL` that is logged: debug, info, warn or error ($LOG_LEVEL).")
	f.StringVar(&c.Format, "log-format", "auto", "`FORMAT` of the log: text, json, or auto, which is text on a terminal and json otherwise ($LOG_FORMAT).")
}

// Validate reports everything that is wrong, each with its flag.
func (c LogConfig) Validate() error {
	var errs []error
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		errs = append(errs, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", c.Level))
	}
	if !slices.Contains([]string{"auto", "text", "json"}, c.Format) {
		errs = append(errs, fmt.Errorf("--log-format: %q is none of auto, text, json", c.Format))
	}
	return errors.Join(errs...)
}

// Logger writes to w, standard error as a rule. A line that is logged with a context carries its trace and span.
func (c LogConfig) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked by Validate
	options := &slog.HandlerOptions{Level: level}
	file, isFile := w.(*os.File)
	if c.Format == "text" || (c.Format == "auto" && isFile && term.IsTerminal(int(file.Fd()))) {
		return slog.New(traceIDs{slog.NewTextHandler(w, options)})
	}
	return slog.New(traceIDs{slog.NewJSONHandler(w, options)})
}
