package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Settings is what a command reads from flags and environment. A variable stands where the flag's text names it, as in
// "`URL` of the database ($DATABASE_URL).": it holds where the flag is not given. The first of several that is set counts.
type Settings interface {
	AddFlags(f *pflag.FlagSet)
	Validate() error // everything that is wrong, each with its flag
}

// Command is a command that reads its settings and runs. Everything that is wrong with them is told at once, and nothing is
// run. It takes no arguments, unless its Args are set.
func Command(use, short string, settings Settings, run func(context.Context) error) *cobra.Command {
	c := newCommand(use, short)
	c.Flags().SortFlags = false // what belongs together stands together
	settings.AddFlags(c.Flags())
	c.PreRunE = judging(c.Flags(), settings)
	c.RunE = func(c *cobra.Command, _ []string) error { return run(c.Context()) }
	return c
}

// Arguments is for a command's Args: it takes any, and leaves them there.
func Arguments(into *[]string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		*into = args
		return nil
	}
}

// Group is a command that only has others under it.
func Group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := newCommand(use+" COMMAND", short)
	c.DisableFlagsInUseLine = true
	c.AddCommand(commands...)
	c.RunE = func(*cobra.Command, []string) error {
		var names []string
		for _, one := range commands {
			names = append(names, one.Name())
		}
		return refused(fmt.Errorf("%s needs one of its commands: %s", c.Name(), strings.Join(names, ", ")))
	}
	return c
}

func newCommand(use, short string) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noArguments, SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2}
	c.SetUsageFunc(usage)
	c.SetFlagErrorFunc(unknownFlag)
	return c
}

// unknownFlag refuses a flag, and says of --no-x how x is switched off.
func unknownFlag(c *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name, negated := strings.CutPrefix(unknown.GetSpecifiedName(), "no-")
		if x := c.Flags().Lookup(name); negated && x != nil && x.Value.Type() == "bool" {
			err = fmt.Errorf("%w: did you mean --%s=false?", err, name)
		}
	}
	return refused(err)
}

// noArguments refuses what is no command, and says what may have been meant.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !c.HasSubCommands() {
		return refused(fmt.Errorf("%s takes no argument %q", c.Name(), args[0]))
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w: did you mean %s?", err, strings.Join(near, " or "))
	}
	return refused(err)
}

// judging lets flags take any text, and returns what reads the variables and then judges all settings at once.
func judging(f *pflag.FlagSet, settings Settings) func(*cobra.Command, []string) error {
	var values []*value
	f.VisitAll(func(flag *pflag.Flag) { values = append(values, watch(flag)) })
	return func(*cobra.Command, []string) error {
		var errs []error
		for _, v := range values {
			v.readVariable()
			errs = append(errs, v.wrong)
		}
		return refused(errors.Join(append(errs, settings.Validate())...))
	}
}
