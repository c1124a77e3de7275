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
		if !c.DisableFlagsInUseLine { // no Group
			fmt.Fprintf(out, "       %s COMMAND\n", c.CommandPath())
		}
		fmt.Fprint(out, "\nCommands (each has its own --help):\n")
		for _, one := range c.Commands() {
			if one.IsAvailableCommand() {
				fmt.Fprintf(out, "  %s\t%s\n", one.Name(), one.Short)
			}
		}
	}
	for name, text := range map[string]string{"help": "Show this help.", "version": "Show the version."} {
		if own := c.Flags().Lookup(name); own != nil {
			own.Usage = text
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
