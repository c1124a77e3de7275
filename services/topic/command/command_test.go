package command_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/terminal"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/command"
)

type runner interface {
	Run(ctx context.Context, out terminal.IO) error
}

// result is what a command printed and how it ended.
type result struct {
	out, notes string
	code       int
}

// run runs a command at whose terminal somebody types answer.
func run(t *testing.T, c runner, answer string) result {
	t.Helper()
	return runWith(t, c, answer, true)
}

func runWith(t *testing.T, c runner, in string, person bool) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := c.Run(t.Context(), terminal.IO{In: strings.NewReader(in), Out: &stdout, Err: &stderr, Person: person})
	code := 0
	if exit, ok := errors.AsType[*command.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Errorf("an error without an exit code: %v", err)
	}
	if err != nil {
		stderr.WriteString(err.Error())
	}
	return result{stdout.String(), stderr.String(), code}
}

func (r result) is(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s\n%s", r.code, code, r.out, r.notes)
	}
	for _, part := range parts {
		if !strings.Contains(r.out+r.notes, part) {
			t.Errorf("no %q in\n%s\n%s", part, r.out, r.notes)
		}
	}
}

func to(brokers kafka.Config) command.Connection {
	return command.Connection{Kafka: brokers, Timeout: 30 * time.Second}
}

func files(t *testing.T, text string) command.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "topics.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return command.Files{Paths: []string{path}}
}

// declare is a manifest of a topic.
func declare(name, spec string) string {
	return "---\napiVersion: kafka.openorder.io/v1alpha1\nkind: KafkaTopic\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n"
}

// config is a topic's own configuration, by key.
func config(t *testing.T, brokers kafka.Config, name string) map[string]string {
	t.Helper()
	described, err := testenv.Admin(t, brokers).DescribeTopicConfigs(t.Context(), name)
	if err != nil || described[0].Err != nil {
		t.Fatal(err, described[0].Err)
	}
	own := map[string]string{}
	for _, c := range described[0].Configs {
		if c.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
			own[c.Key] = c.MaybeValue()
		}
	}
	return own
}

func TestCreateMakesWhatIsMissingAndLeavesTheRest(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		testenv.CreateTopics(t, brokers, 2, "order.created.DLT")
		create := &command.Create{Connection: to(brokers), Partitions: 4, Replicas: 1}
		first := run(t, create, "")
		first.is(t, 0, "made       order.created with 4 partitions and 1 replica\n", "made       order.created.DLT.redrives with 1 partition and 1 replica\n",
			"was there  order.created.DLT with 2 partitions and 1 replica\n", "left as it is: retention.ms is 604800000, declared -1")
		if got := config(t, brokers, "order.created.DLT"); len(got) > 0 {
			t.Errorf("what was there was changed: %v", got)
		}
		if got := config(t, brokers, "order.created.DLT.redrives"); got["retention.ms"] != "-1" || got["max.message.bytes"] != "2097152" {
			t.Errorf("made with %v", got)
		}
		if got := config(t, brokers, "order.created"); got["min.insync.replicas"] != "" {
			t.Errorf("one replica alone can be in sync, yet min.insync.replicas is %s", got["min.insync.replicas"])
		}
		second := run(t, create, "")
		second.is(t, 0)
		if n := strings.Count(second.out, "was there"); n != 5 || strings.Contains(second.out, "made") {
			t.Errorf("the second time\n%s", second.out)
		}
	})
}

func TestCreateAtTheSameTimeMakesEachTopicOnce(t *testing.T) {
	testenv.EachKafka(t, func(t *testing.T, brokers kafka.Config) {
		results := make([]result, 4)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				results[i] = run(t, &command.Create{Connection: to(brokers), Partitions: 3, Replicas: -1}, "")
			})
		}
		all.Wait()
		made := 0
		for _, r := range results {
			r.is(t, 0)
			made += strings.Count(r.out, "made ")
		}
		if made != 5 {
			t.Errorf("5 topics were made %d times", made)
		}
	})
}

func TestFromThreeReplicasOnAnAcknowledgedRecordOutlivesABroker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replicas int16
		want     string
	}{
		"as many as asked for":          {3, "2"},
		"as many as the cluster's wont": {-1, "2"},
		"fewer":                         {2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t, kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{"default.replication.factor": "3"}))
			run(t, &command.Create{Connection: to(brokers), Partitions: 1, Replicas: c.replicas}, "").is(t, 0)
			if got := config(t, brokers, "order.created")["min.insync.replicas"]; got != c.want {
				t.Errorf("min.insync.replicas %q, want %q", got, c.want)
			}
		})
	}
}

func TestTroubleIsOneLineThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	away := command.Connection{Kafka: kafka.Config{Brokers: "127.0.0.1:1"}, Timeout: 30 * time.Second}
	orders := files(t, declare("orders", ""))
	for name, c := range map[string]runner{
		"create": &command.Create{Connection: away, Partitions: 1, Replicas: 1},
		"diff":   &command.Diff{Connection: away, Files: orders},
		"apply":  &command.Apply{Connection: away, Files: orders},
		"export": &command.Export{Connection: away},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c, "")
			r.is(t, 2, "no broker answers at 127.0.0.1:1", "check that it runs, and --kafka-brokers (KAFKA_BROKERS)")
			if strings.Contains(r.notes, "\n") || r.out != "" {
				t.Errorf("more than a line:\n%s\n%s", r.out, r.notes)
			}
		})
	}
	away.Kafka.TLSCAFile = "no-such-ca.crt"
	run(t, &command.Export{Connection: away}, "").is(t, 2, "there is no file no-such-ca.crt")
}

func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	const user, password = "topics-without-rights", "secret"
	secure, plain := testenv.SecureKafka(t, user, password)
	admin := testenv.Admin(t, plain)
	testenv.SetPassword(t, admin, user, password)
	grant := func(operations ...kadm.ACLOperation) {
		_, err := admin.CreateACLs(t.Context(), kadm.NewACLs().Allow("User:"+user).AllowHosts().Topics("order", "inventory").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(operations...))
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_, _ = admin.DeleteACLs(context.Background(), kadm.NewACLs().Allow("User:"+user).AllowHosts().AnyResource().Operations().ResourcePatternType(kadm.ACLPatternAny))
	})
	create := &command.Create{Connection: to(secure), Partitions: 1, Replicas: 1}
	testenv.Eventually(t, "the user may log in, and no more", func() bool {
		r := run(t, create, "")
		return r.code == 2 && strings.Contains(r.notes, "look up order.created: TOPIC_AUTHORIZATION_FAILED") && strings.Contains(r.notes, "have somebody grant the user Describe on topic order.created")
	})
	grant(kadm.OpDescribe)
	testenv.Eventually(t, "it may look, and not make", func() bool {
		r := run(t, create, "")
		return r.code == 2 && strings.Contains(r.notes, "have somebody grant the user Create on topic order.created")
	})
	grant(kadm.OpCreate)
	testenv.Eventually(t, "it may make", func() bool { return run(t, create, "").code == 0 })
	orders := files(t, declare("order.created", "config: {retention.ms: 604800001}"))
	run(t, &command.Diff{Connection: to(secure), Files: orders}, "").is(t, 2, "DescribeConfigs")
	grant(kadm.OpDescribeConfigs)
	testenv.Eventually(t, "it may compare, and not alter", func() bool {
		r := run(t, &command.Apply{Connection: to(secure), Files: orders}, "")
		return r.code == 2 && strings.Contains(r.notes, "have somebody grant the user AlterConfigs on topic order.created")
	})
}
