package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// secured is a bench whose consumer logs in as a user that does not exist yet, on a listener with TLS, SCRAM and ACLs.
func secured(t *testing.T, w *work) *bench {
	t.Helper()
	user := "late-" + uuid.NewString()
	as, admin := testenv.SecureKafka(t, user, "late-password")
	b := setup(t, admin, w, 1)
	b.brokers = as
	b.Cleanup(func() {
		_, _ = b.admin.AlterUserSCRAMs(context.Background(), []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
		_, _ = b.admin.DeleteACLs(context.Background(), kadm.NewACLs().Allow("User:"+user).AllowHosts().AnyResource().Operations().ResourcePatternType(kadm.ACLPatternAny))
	})
	return b
}

func (b *bench) login() {
	b.Helper()
	testenv.SetPassword(b, b.admin, b.brokers.SASLUsername, b.brokers.SASLPassword)
}

func (b *bench) grant(acls *kadm.ACLBuilder) {
	b.Helper()
	results, err := b.admin.CreateACLs(b.Context(), acls.Allow("User:"+b.brokers.SASLUsername).AllowHosts().ResourcePatternType(kadm.ACLPatternLiteral))
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func TestALoginAndRightsGrantedOnlyLaterAreAnOutage(t *testing.T) {
	t.Parallel()
	b := secured(t, &work{decide: func(value string, _ int) error {
		if value == "bad" {
			return kafka.Fatal("invalid", errors.New("bad"))
		}
		return nil
	}})
	b.produce(rec(0, "a", "good"), rec(0, "b", "bad"), rec(0, "c", "good too"))
	b.consume()
	b.eventually("the login is refused, and that is reported", func() bool { return b.report() != "" })
	b.login()
	b.grant(kadm.NewACLs().Topics(source).Operations(kadm.OpRead, kadm.OpDescribe))
	b.grant(kadm.NewACLs().Groups(group).Operations(kadm.OpRead))
	b.eventually("records are handled, and cannot be emitted", func() bool { return b.work.triesOf("good") > 1 })
	b.grant(kadm.NewACLs().Topics(sink).Operations(kadm.OpWrite, kadm.OpDescribe))
	b.eventually("the good ones are emitted", func() bool { return len(b.read(sink)) >= 2 })
	if at := b.committed(); at > 1 {
		t.Fatalf("committed %d while the dead letter of record 1 is not written", at)
	}
	b.grant(kadm.NewACLs().Topics(letters).Operations(kadm.OpWrite, kadm.OpDescribe))
	b.eventually("all is passed", func() bool { return b.committed() == 3 })
	if got := values(b.read(letters)); !slices.Equal(got, []string{"bad"}) {
		t.Errorf("dead letters %v, want the bad one alone", got)
	}
}

func TestAProducerRecoversFromARefusalThatItsClientKeeps(t *testing.T) {
	t.Parallel()
	b := secured(t, &work{})
	b.login()
	producer, err := kafka.NewProducer(kafka.ProducerConfig{Kafka: b.brokers, ClientID: "late", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	produce := func() error {
		return producer.Produce(t.Context(), []*kgo.Record{{Topic: sink, Value: []byte("v")}})[0]
	}
	if produce() == nil {
		t.Fatal("produced without a right")
	}
	b.grant(kadm.NewACLs().Topics(sink).Operations(kadm.OpWrite, kadm.OpDescribe))
	b.eventually("it produces", func() bool { return produce() == nil })
}
