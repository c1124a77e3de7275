package cli

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// usage prints what cobra does, with the flags' texts wrapped to the terminal.
func usage(c *cobra.Command) error {
	out := tabwriter.NewWriter(c.OutOrStderr(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "Usage: %s\n", c.UseLine())
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(out, "       %s COMMAND\n\nCommands (each has its own --help):\n", c.CommandPath())
		for _, one := range c.Commands() {
			if one.IsAvailableCommand() {
				fmt.Fprintf(out, "  %s\t%s\n", one.Name(), one.Short)
			}
		}
	}
	fmt.Fprintf(out, "\nFlags:\n%s", c.Flags().FlagUsagesWrapped(width()))
	return out.Flush()
}

// width is the terminal's, in columns.
func width() int {
	if columns, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && columns >= 60 {
		return columns
	}
	return 120
}
