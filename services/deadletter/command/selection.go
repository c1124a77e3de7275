package command

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/pflag"

	"github.com/openorder/openorder/services/deadletter"
)

// Selection is the flags that choose letters. All that is given must hold; of a repeated flag but --header, any.
type Selection struct {
	Letters   []string
	Header    []string
	Exception []string
	Message   string
	Origin    []string
	Group     []string
	Key       []string
	Since     string
	Until     string
}

// AddFlags registers the flags.
func (s *Selection) AddFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.Header, "header", nil, "A `CONDITION` for the letter's headers: KEY (is there), !KEY (is not), KEY=VALUE, KEY!=VALUE, KEY~REGEXP or KEY!~REGEXP; repeatable, all must hold.")
	f.StringArrayVar(&s.Exception, "exception", nil, "The exception's `CLASS` or its cause's, with or without package; repeatable.")
	f.StringVar(&s.Message, "message", "", "`REGEXP` found in the exception's message.")
	f.StringArrayVar(&s.Origin, "origin", nil, "The `TOPIC` the record came from; repeatable.")
	f.StringArrayVar(&s.Group, "group", nil, "The consumer `GROUP` that gave up; repeatable.")
	f.StringArrayVar(&s.Key, "key", nil, "The record's `KEY`; repeatable.")
	f.StringVar(&s.Since, "since", "", "Dead-lettered at this `TIME` or later: 2h30m or 7d ago, 2026-03-01, or 2026-03-01T08:00:00Z.")
	f.StringVar(&s.Until, "until", "", "Dead-lettered before this `TIME`.")
}

// filter is the flags as a filter; the error names every flag that is wrong.
func (s *Selection) filter(now time.Time) (deadletter.Filter, error) {
	f := deadletter.Filter{Exceptions: s.Exception, Topics: s.Origin, Groups: s.Group, Keys: s.Key}
	var errs []error
	refuse := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	for _, text := range s.Letters {
		span, err := deadletter.ParseSpan(text)
		refuse("LETTERS", err)
		f.Spans = append(f.Spans, span)
	}
	for _, text := range s.Header {
		condition, err := deadletter.ParseCondition(text)
		refuse("--header", err)
		f.Headers = append(f.Headers, condition)
	}
	if s.Message != "" {
		pattern, err := regexp.Compile(s.Message)
		refuse("--message", err)
		f.Message = pattern
	}
	moment := func(flag, text string) (t time.Time) {
		if text != "" {
			var err error
			t, err = deadletter.ParseMoment(text, now)
			refuse(flag, err)
		}
		return t
	}
	f.Since, f.Until = moment("--since", s.Since), moment("--until", s.Until)
	return f, errors.Join(errs...)
}
