package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTheClientsWarningsAreNotRepeatedSeveralTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := newClientLog(slog.New(slog.NewTextHandler(&out, nil)))
		for range 100 {
			log.Log(kgo.LogLevelWarn, "unable to open connection")
			log.Log(kgo.LogLevelError, "something else")
			time.Sleep(quietFor / 50) // the bubble's time
		}
		for _, msg := range []string{"unable to open connection", "something else"} {
			if n := strings.Count(out.String(), msg); n != 2 {
				t.Errorf("%q was logged %d times in a minute, want 2", msg, n)
			}
		}
	})
}
