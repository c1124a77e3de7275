package terminal_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/openorder/openorder/services/internal/terminal"
)

func TestOnlyYesConfirms(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"y\n": "", "YES \n": "", "y": "", // the last as from a pipe that ends
		"\n": "not confirmed", "n\n": "not confirmed", "": "not confirmed", "yesterday\n": "not confirmed",
	} {
		var asked bytes.Buffer
		err := terminal.IO{In: strings.NewReader(answer), Err: &asked}.Confirm(t.Context(), "Really?")
		if got := text(err); got != want || asked.String() != "Really? [y/N] " {
			t.Errorf("%q: %q, asked %q, want %q", answer, got, asked.String(), want)
		}
	}
}

func TestNoAnswerBeforeTheEndIsANo(t *testing.T) {
	t.Parallel()
	never, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := text((terminal.IO{In: never, Err: io.Discard}).Confirm(ctx, "Really?")); got != "interrupted" {
		t.Error(got)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
