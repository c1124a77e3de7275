package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Parser is kong's, and tells everything that is wrong at once: kong itself stops at the first value that does not parse.
type Parser struct {
	*kong.Kong
	wrong []wrongValue
}

// wrongValue is one that a flag or its variable has and that does not parse.
type wrongValue struct {
	value *kong.Value
	err   error
}

// NewParser is kong.Must, with help that always names defaults.
func NewParser(grammar any, options ...kong.Option) *Parser {
	p := &Parser{}
	p.Kong = kong.Must(grammar, append(options, kong.ValueFormatter(withDefault), kong.PostBuild(p.watch))...)
	return p
}

// Parse is kong's. Its error names every value that does not parse, and what kong and the chosen command's Validate say of
// the others. Where it is only values that do not parse, the context is there as well, for further judgement.
func (p *Parser) Parse(args []string) (*kong.Context, error) {
	p.wrong = nil
	chosen, err := p.Kong.Parse(args)
	selected := chosen
	if refusal, ok := errors.AsType[*kong.ParseError](err); ok {
		selected = refusal.Context
	}
	if selected == nil {
		return nil, err
	}
	var errs []error
	for _, wrong := range p.wrong {
		// A variable may hold what a flag of another command cannot take.
		if slices.ContainsFunc(selected.Flags(), func(f *kong.Flag) bool { return f.Value == wrong.value }) {
			errs = append(errs, wrong.err)
		}
	}
	return chosen, errors.Join(append(errs, err)...)
}

func (p *Parser) watch(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			flag.Mapper = lenient{flag.Mapper, flag, p}
		}
		return next(nil)
	})
}

// lenient remembers what does not parse, and goes on with the default in its place.
type lenient struct {
	kong.Mapper
	flag   *kong.Flag
	parser *Parser
}

// Decode implements kong.Mapper.
func (l lenient) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	err := l.Mapper.Decode(ctx, target)
	if err == nil {
		return nil
	}
	name := "--" + l.flag.Name
	if len(l.flag.Envs) > 0 {
		name += " (" + strings.Join(l.flag.Envs, ", ") + ")"
	}
	l.parser.wrong = append(l.parser.wrong, wrongValue{l.flag.Value, fmt.Errorf("%s: %w", name, err)})
	target.SetZero()
	if !l.flag.HasDefault {
		return nil
	}
	token := kong.Token{Type: kong.FlagValueToken, Value: l.flag.Default}
	return l.Mapper.Decode(&kong.DecodeContext{Value: ctx.Value, Scan: kong.ScanFromTokens(token)}, target)
}
