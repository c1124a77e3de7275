package inventory

import "sync/atomic"

// FailSKU is the sku whose orders fail on purpose, so that one can watch what becomes of failures. It may be switched
// while orders come in; the zero value is off.
type FailSKU struct{ sku atomic.Pointer[string] }

// Set switches to another sku; empty is off.
func (f *FailSKU) Set(sku string) { f.sku.Store(&sku) }

// Get is the sku, empty when off.
func (f *FailSKU) Get() string {
	if sku := f.sku.Load(); sku != nil {
		return *sku
	}
	return ""
}
