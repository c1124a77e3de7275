//go:build !linux && !darwin && !windows

package broker

import "errors"

// freeSpace cannot be asked for here: a full disk is met when it is written to.
func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
