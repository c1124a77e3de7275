package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// withDefault is a flag's help, which always says what holds without the flag.
func withDefault(value *kong.Value) string {
	if value.Flag == nil || value.Flag.Name == "help" || value.Flag.Name == "version" || strings.Contains(value.Help, "(default ") {
		return kong.DefaultHelpValueFormatter(value)
	}
	without := "default none"
	switch {
	case value.Required:
		without = "required"
	case value.Default != "":
		without = "default " + value.Default
	case value.IsBool():
		without = "default off"
	}
	complete := *value
	complete.Help = strings.TrimSuffix(value.Help, ".") + " (" + without + ")."
	return kong.DefaultHelpValueFormatter(&complete)
}
