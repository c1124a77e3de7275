package service_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/internal/service"
)

func TestEveryBeginsAtOnceAndGoesOnUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 150*time.Second)
		defer stop()
		began := time.Now()
		var done []time.Duration
		if err := service.Every(time.Minute, func(context.Context) { done = append(done, time.Since(began)) })(ctx); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 2 * time.Minute}, done); diff != "" {
			t.Error(diff)
		}
		if ended := time.Since(began); ended != 150*time.Second {
			t.Errorf("it ended after %s", ended)
		}
	})
}
