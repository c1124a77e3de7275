package kafka

import "errors"

// A record's handling fails in one of three ways; an error that is none of the first two is an outage.
//
//	Fatal   the record can never be taken (undecodable, invalid): to the dead letter topic at once
//	Faulty  known to be the record's own fault: three attempts in all, 1 s apart, then to the dead letter topic
//	outage  everything else (database or broker gone, a right missing): retried without end, nothing dead-lettered
type kind int

const (
	outage kind = iota
	faulty
	fatal
)

type kindError struct {
	kind kind
	name string
	err  error
}

func (e *kindError) Error() string { return e.err.Error() }
func (e *kindError) Unwrap() error { return e.err }

// Fatal marks err as fatal. name stands in the dead letter's exception-fqcn header and in the metric's reason label:
// short, stable, without spaces, such as "undecodable".
func Fatal(name string, err error) error { return &kindError{fatal, name, err} }

// Faulty marks err as the record's own fault. A whole batch refused with a Faulty error is split until the culprit
// stands alone. For name see Fatal.
func Faulty(name string, err error) error { return &kindError{faulty, name, err} }

func kindOf(err error) kind {
	var k *kindError
	if errors.As(err, &k) {
		return k.kind
	}
	return outage
}

func nameOf(err error) string {
	var k *kindError
	if errors.As(err, &k) {
		return k.name
	}
	return "unknown"
}
