// Package terminal is where a command reads answers and writes results, and whether a person is there.
package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// IO is a command's input and output.
type IO struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // questions, progress, warnings
	// Person: someone is there to answer.
	Person bool
}

// Standard is the process's own input and output.
func Standard() IO {
	return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Person: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))}
}

// Confirm asks, and returns nil when the answer is yes, otherwise why it is taken for a no: also where the context ends
// before there is an answer.
func (t IO) Confirm(ctx context.Context, question string) error {
	fmt.Fprint(t.Err, question+" [y/N] ")
	answers := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(t.In).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case answer := <-answers:
		if answer == "y" || answer == "yes" {
			return nil
		}
		return errors.New("not confirmed")
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}
