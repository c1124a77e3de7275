package cli

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// value is a flag's, and takes any text: pflag stops at the first that does not parse, and the others would not be told.
type value struct {
	pflag.Value
	flag  *pflag.Flag
	unset string // the default, as text
	wrong error  // why the text that was given does not parse
}

// watch puts a value in a flag's own one's place, and completes the flag's help: it always says what holds without the flag.
func watch(flag *pflag.Flag) *value {
	v := &value{Value: flag.Value, flag: flag, unset: flag.DefValue}
	if !strings.Contains(flag.Usage, "(default ") && !strings.Contains(flag.Usage, "(required") {
		flag.Usage = strings.TrimSuffix(flag.Usage, ".") + " (default " + v.shown() + ")."
	}
	flag.Value, flag.DefValue = v, "" // pflag would add the default once more
	return v
}

// shown is the default as people read it.
func (v *value) shown() string {
	text := v.unset
	kind := v.Value.Type()
	if _, list := v.Value.(pflag.SliceValue); list || kind == "stringToString" {
		text = strings.Trim(text, "[]")
	}
	switch {
	case kind == "bool" && text == "true":
		return "on, off by --" + v.flag.Name + "=false"
	case kind == "bool":
		return "off"
	case text == "" || text == "0":
		return "none"
	}
	return text
}

// Set implements pflag.Value. The default stands where the text does not parse, so that the other settings can be judged.
func (v *value) Set(text string) error {
	err := v.parse(text)
	if err == nil {
		return nil
	}
	name := "--" + v.flag.Name
	if variables := Variables(v.flag); len(variables) > 0 {
		name += " (" + strings.Join(variables, ", ") + ")"
	}
	v.wrong = fmt.Errorf("%s: %w", name, v.explain(text, err))
	_ = v.Value.Set(v.unset)
	return nil
}

// parse is pflag's, but for two kinds. A switch is also yes or no, as YAML is. And a list is separated by commas or white
// space: pflag reads a line of CSV, which gives quotes a meaning and drops further lines without a word.
func (v *value) parse(text string) error {
	switch v.Value.Type() {
	case "bool":
		if meant, also := map[string]string{"yes": "true", "no": "false"}[strings.ToLower(text)]; also {
			text = meant
		}
	case "stringSlice":
		list := v.Value.(pflag.SliceValue)
		items := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if v.flag.Changed { // given before: repeated flags add up
			items = append(list.GetSlice(), items...)
		}
		return list.Replace(items)
	}
	return v.Value.Set(text)
}

// Type implements pflag.Value. It stands for the value in the help, where the flag's text has no `NAME` for it.
func (v *value) Type() string {
	switch kind := v.Value.Type(); kind {
	case "duration":
		return "DURATION"
	case "int", "int16", "int32", "int64", "float64":
		return "N"
	default:
		return kind
	}
}

// explain says why a text does not parse, in words for whoever wrote it.
func (v *value) explain(text string, err error) error {
	switch kind := v.Value.Type(); {
	case kind == "bool":
		return fmt.Errorf("%q is neither true nor false", text)
	case kind == "duration":
		return fmt.Errorf("%q is not a duration such as 90s or 1h30m", text)
	case kind == "stringToString":
		return fmt.Errorf("%q is not KEY=VALUE", text)
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%q is too large or too small", text)
	case errors.Is(err, strconv.ErrSyntax):
		return fmt.Errorf("%q is not a number", text)
	}
	return err
}

// readVariable takes the value from the environment where no flag gives it.
func (v *value) readVariable() {
	if v.flag.Changed {
		return
	}
	for _, variable := range Variables(v.flag) {
		if text, isSet := os.LookupEnv(variable); isSet {
			_ = v.Set(text) // kept in v.wrong
			return
		}
	}
}

var variables = regexp.MustCompile(`\((\$[A-Z_]+(?:, \$[A-Z_]+)*)\)`)

// Variables is the environment variables that a flag's help names.
func Variables(flag *pflag.Flag) []string {
	named := variables.FindStringSubmatch(flag.Usage)
	if named == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(named[1], "$", ""), ", ")
}
