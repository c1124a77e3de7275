package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/openorder/openorder/services/deadletter/redrive"
	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// operator makes a user who may do what a redrive needs, but for transactions.
func operator(t *testing.T, user string, admin kafka.Config) {
	t.Helper()
	client := testenv.Admin(t, admin)
	testenv.SetPassword(t, client, user, "secret")
	t.Cleanup(func() {
		all := kadm.NewACLs().Allow("User:" + user).AllowHosts().Deny().DenyHosts().Topics().TransactionalIDs().Operations().ResourcePatternType(kadm.ACLPatternLiteral)
		_, _ = client.DeleteACLs(context.Background(), all)
		_, _ = client.AlterUserSCRAMs(context.Background(), []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
	})
	allow(t, admin, kadm.NewACLs().Allow("User:"+user).Topics(dlt).Operations(kadm.OpRead, kadm.OpDescribe))
	allow(t, admin, kadm.NewACLs().Allow("User:"+user).Topics(origin).Operations(kadm.OpWrite, kadm.OpDescribe))
	allow(t, admin, kadm.NewACLs().Allow("User:"+user).Topics(dlt+".redrives").Operations(kadm.OpRead, kadm.OpWrite, kadm.OpCreate, kadm.OpDescribe))
}

func allow(t *testing.T, admin kafka.Config, acls *kadm.ACLBuilder) {
	t.Helper()
	client := testenv.Admin(t, admin)
	created, err := client.CreateACLs(t.Context(), acls.AllowHosts("*").ResourcePatternType(kadm.ACLPatternLiteral))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range created {
		if c.Err != nil {
			t.Fatal(c.Err)
		}
	}
	await(t, client, acls, len(created))
}

// await waits until the cluster goes by so many of these rights: it does a while after it has said yes.
func await(t *testing.T, admin *kadm.Client, acls *kadm.ACLBuilder, want int) {
	t.Helper()
	testenv.Eventually(t, fmt.Sprintf("%d rights are in force", want), func() bool {
		results, err := admin.DescribeACLs(t.Context(), acls)
		found := 0
		for _, r := range results {
			err = errors.Join(err, r.Err)
			found += len(r.Described)
		}
		return err == nil && found == want
	})
}

func TestARedriveNeedsFewRights(t *testing.T) {
	user := "operator-" + uuid.NewString()[:8]
	secure, admin := testenv.SecureKafka(t, user, "secret")
	b := setup(t, admin)
	b.bury(springs(6)...)
	operator(t, user, admin)
	as := func(p *redrive.Plan) { p.Kafka = secure }

	var opened *redrive.Redrive
	testenv.Eventually(t, "the cluster knows the user and their rights", func() bool {
		run, err := redrive.Open(t.Context(), b.plan(as), slog.New(slog.DiscardHandler))
		opened = run
		return err == nil
	})
	defer opened.Close()
	_, err := opened.Run(t.Context(), quiet)
	if !errors.Is(err, redrive.ErrNoRight) || !strings.Contains(err.Error(), redrive.TransactionalID(dlt)) {
		t.Fatalf("without rights to the transactional id: %v", err)
	}

	report := b.redrive(as, func(p *redrive.Plan) { p.AtLeastOnce, p.Max = true, 2 })
	if report.Redriven != 2 {
		t.Errorf("at least once: redrove %d, want 2", report.Redriven)
	}

	allow(t, admin, kadm.NewACLs().Allow("User:"+user).TransactionalIDs(redrive.TransactionalID(dlt)).Operations(kadm.OpWrite, kadm.OpDescribe))
	testenv.Eventually(t, "the right to the transactional id is known", func() bool {
		_, err := b.open(b.plan(as)).Run(t.Context(), quiet)
		return err == nil
	})
	b.wantEachOnce(6)
}

func TestALostRightEndsTheRunWithASentence(t *testing.T) {
	user := "operator-" + uuid.NewString()[:8]
	secure, admin := testenv.SecureKafka(t, user, "secret")
	b := setup(t, admin)
	b.bury(springs(3)...)
	operator(t, user, admin)
	allow(t, admin, kadm.NewACLs().Allow("User:"+user).TransactionalIDs(redrive.TransactionalID(dlt)).Operations(kadm.OpWrite, kadm.OpDescribe))
	client := testenv.Admin(t, admin)
	write := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").Topics(origin).Operations(kadm.OpWrite).ResourcePatternType(kadm.ACLPatternLiteral)
	if _, err := client.DeleteACLs(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	await(t, client, write, 0)
	testenv.Eventually(t, "the run is refused for the target topic", func() bool {
		run, err := redrive.Open(t.Context(), b.plan(func(p *redrive.Plan) { p.Kafka = secure }), slog.New(slog.DiscardHandler))
		if err != nil {
			return false
		}
		defer run.Close()
		_, err = run.Run(t.Context(), quiet)
		return err != nil && strings.Contains(err.Error(), "write to "+origin) && strings.Contains(err.Error(), "TOPIC_AUTHORIZATION_FAILED")
	})
	if got := len(b.records(origin)); got != 0 {
		t.Errorf("%d records were written", got)
	}
}
