package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
)

func TestWhereThisMachinesNameCannotBeLookedUpItsOwnClientsFindTheBroker(t *testing.T) {
	t.Parallel()
	b, err := Start(Config{
		Address: "0.0.0.0:0", Partitions: 1, Log: slog.New(slog.DiscardHandler),
		lookup: func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if host, _, _ := net.SplitHostPort(b.Address()); host != "localhost" {
		t.Errorf("clients are sent to %s", b.Address())
	}
}
