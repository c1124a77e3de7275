package command

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/openorder/openorder/services/deadletter"
)

// Selection is the flags that choose letters. All that is given must hold; of a repeated flag but --header, any.
type Selection struct {
	Letters   []string `arg:"" optional:"" help:"PARTITION, PARTITION:OFFSET, PARTITION:FROM-TO or PARTITION:FROM-; all letters when none is given."`
	Header    []string `group:"Filter" sep:"none" placeholder:"CONDITION" help:"KEY (is there), !KEY (is not), KEY=VALUE, KEY!=VALUE, KEY~REGEXP or KEY!~REGEXP; repeatable, all must hold."`
	Exception []string `group:"Filter" sep:"none" placeholder:"CLASS" help:"The exception's class or its cause's, with or without package; repeatable."`
	Message   string   `group:"Filter" placeholder:"REGEXP" help:"Found in the exception's message."`
	Origin    []string `group:"Filter" sep:"none" placeholder:"TOPIC" help:"The topic the record came from; repeatable."`
	Group     []string `group:"Filter" sep:"none" placeholder:"GROUP" help:"The consumer group that gave up; repeatable."`
	Key       []string `group:"Filter" sep:"none" placeholder:"KEY" help:"The record's key; repeatable."`
	Since     string   `group:"Filter" placeholder:"TIME" help:"Dead-lettered then or later: 2h30m or 7d ago, 2026-03-01, or 2026-03-01T08:00:00Z."`
	Until     string   `group:"Filter" placeholder:"TIME" help:"Dead-lettered before."`
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
		refuse("<letters>", err)
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
