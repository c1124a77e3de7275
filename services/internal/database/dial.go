package database

import (
	"net"
	"time"
)

// dialer gives up a connection within some twenty seconds of silence.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
}
