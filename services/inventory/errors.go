package inventory

import "errors"

// What can be wrong with a request, whoever makes it. Anything else that a store returns is about the store.
var (
	ErrNotFound      = errors.New("not found")
	ErrInvalid       = errors.New("invalid")
	ErrBelowReserved = errors.New("below what is reserved")
	ErrPrecondition  = errors.New("precondition failed")
	ErrKeyReused     = errors.New("idempotency key used before, with another request")
	ErrKeyInFlight   = errors.New("a request with this idempotency key is in flight")

	// ErrConflict: the order id is decided already, for another user or other items. Its outcome is not this order's.
	ErrConflict = errors.New("order id decided already with other content")
	// ErrFailSKU: the order holds the sku that fails on purpose.
	ErrFailSKU = errors.New("fails on purpose")
)
