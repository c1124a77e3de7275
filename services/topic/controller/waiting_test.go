package controller_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

// untilReadyz fails at once when the process is not ready.
func TestItIsReadyWithoutBrokersAndSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.start(kafka.Config{Brokers: "127.0.0.1:1"})
	c.untilReadyz("kafka: waiting for the brokers 127.0.0.1:1: ")
	if code, took := c.stop(); code != 0 || took > 25*time.Second {
		t.Errorf("SIGTERM: exit code %d after %s", code, took)
	}
}

func TestItSaysAtStartWhoMayNameWhat(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for allow, flags := range map[string][]string{
		`"allow":"all"`:                          nil,
		`"allow":"shop=order.,stock.;platform="`: {"--allow", "shop=order.,stock.", "--allow", "platform="},
	} {
		if log := p.start(kafka.Config{Brokers: "127.0.0.1:1"}, flags...).logged(); !strings.Contains(log, allow) {
			t.Errorf("%s is not said: %s", allow, log)
		}
	}
}

// The authorities, then the password are missing, then wrong, then right; then the password is changed.
func TestCredentialsAreWaitedForAndReadAgainWhenTheyChange(t *testing.T) {
	name := "reads-again-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	secure, open := testenv.SecureKafka(t, name, "")
	control := testenv.Brokers(t)
	admin := testenv.Admin(t, open)
	p := newPlace(t)
	authorities, password := filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "password")
	write := func(path, text string) { p.must(os.WriteFile(path, []byte(text), 0o600)) }
	testenv.SetPassword(t, admin, name, "one")
	_, err := admin.CreateACLs(t.Context(), kadm.NewACLs().Allow("User:"+name).ResourcePatternType(kadm.ACLPatternLiteral).Topics("*").
		Operations(kmsg.ACLOperationCreate, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs))
	p.must(err)

	c := p.start(secure, "--kafka-tls-ca-file", authorities, "--kafka-sasl-mechanism", "SCRAM-SHA-512",
		"--kafka-sasl-username", name, "--kafka-sasl-password-file", password)
	p.apply("orders", `{partitions: 1}`)
	c.untilReadyz("kafka: waiting for the file " + authorities)
	write(authorities, "no certificate")
	c.untilReadyz("kafka: waiting for the file " + password)
	write(password, "other")
	c.untilReadyz("holds no PEM certificate")
	right, err := os.ReadFile(secure.TLSCAFile)
	p.must(err)
	write(authorities, string(right))
	c.untilReadyz("SASL_AUTHENTICATION_FAILED")
	write(password, "one\n")
	p.until("orders", "True Synced")
	c.untilWaitsForNothing()

	write(password, "two\n")
	control("stop", 1) // and with it the connections that the old password opened
	c.untilReadyz("kafka: waiting for the brokers")
	control("start", 1)
	c.untilReadyz("SASL_AUTHENTICATION_FAILED")
	testenv.SetPassword(t, admin, name, "two") // only now: a Kafka that found stray partitions as it started has refused one set before
	p.apply("more", `{partitions: 1}`)
	p.until("more", "True Synced")
	c.untilWaitsForNothing()
}
