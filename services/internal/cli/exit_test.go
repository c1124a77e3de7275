package cli_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"

	deadletter "github.com/openorder/openorder/services/deadletter/command"
	"github.com/openorder/openorder/services/internal/cli"
	topics "github.com/openorder/openorder/services/topic/command"
)

func TestACommandsErrorChoosesTheExitCode(t *testing.T) {
	t.Parallel()
	_, _, wrong := execute("--nowhere")
	for want, errs := range map[int][]error{
		0:                        {nil},
		cli.ExitUsage:            {wrong},
		1:                        {errors.New("any"), &topics.ExitError{Code: topics.ExitDifferent, Err: errors.New("different")}},
		topics.ExitTrouble:       {fmt.Errorf("wrapped: %w", &topics.ExitError{Code: topics.ExitTrouble, Err: errors.New("trouble")})},
		deadletter.ExitTakenOver: {&deadletter.ExitError{Code: deadletter.ExitTakenOver, Err: errors.New("taken over")}},
	} {
		for _, err := range errs {
			if got := cli.ExitCode(err); got != want {
				t.Errorf("exit code %d for %v, want %d", got, err, want)
			}
		}
	}
}

// On Windows cobra would refuse to start from the Explorer.
func TestADoubleClickStartsTheProgram(t *testing.T) {
	ran := false
	command := cli.Command("test", "", new(other), func(context.Context) error { ran = true; return nil })
	if code := cli.Execute(command, []string{}); code != 0 || !ran || cobra.MousetrapHelpText != "" {
		t.Errorf("code %d, ran: %v, or cobra says: %s", code, ran, cobra.MousetrapHelpText)
	}
}
