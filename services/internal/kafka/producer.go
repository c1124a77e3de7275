package kafka

import "context"

// ProduceFunc produces records and returns when each is acknowledged or has failed, an error a record in the same
// order. An error of a record leaves open whether it was written.
type ProduceFunc func(ctx context.Context, records []*Record) []error
