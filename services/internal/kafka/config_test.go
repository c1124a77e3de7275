package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
)

func TestEveryMechanismLogsIn(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			_, brokers := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "order", "right"))
			brokers.SASLMechanism, brokers.SASLUsername = mechanism, "order"
			brokers.SASLPassword = "wrong"
			if clientOf(t, brokers).Ping(t.Context()) == nil {
				t.Error("a wrong password is taken")
			}
			brokers.SASLPassword = "right"
			if err := clientOf(t, brokers).Ping(t.Context()); err != nil {
				t.Errorf("the right password is refused: %v", err)
			}
		})
	}
}

// The same client gets in as soon as it can.
func TestFilesAreWaitedForAndReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority, server, client := certificates(t)
	_, brokers := testenv.FakeKafka(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "order", "right"), kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.pool,
	}))
	brokers.SASLMechanism, brokers.SASLUsername = "SCRAM-SHA-512", "order"
	brokers.TLSCAFile, brokers.TLSCertFile = filepath.Join(dir, "ca.crt"), filepath.Join(dir, "tls.crt")
	brokers.TLSKeyFile, brokers.SASLPasswordFile = filepath.Join(dir, "tls.key"), filepath.Join(dir, "password")
	connection := clientOf(t, brokers)

	for _, file := range []struct {
		path string
		text []byte
	}{
		{brokers.TLSCAFile, authority.text},
		{brokers.TLSCertFile, pemOf("CERTIFICATE", client.Certificate[0])},
		{brokers.TLSKeyFile, keyOf(t, client)},
		{brokers.SASLPasswordFile, []byte("of last year\n")},
	} {
		if missing := brokers.MissingFile(); missing != file.path {
			t.Errorf("missing %q, want %q", missing, file.path)
		}
		if connection.Ping(t.Context()) == nil {
			t.Errorf("it connects without %s", file.path)
		}
		write(t, file.path, file.text)
	}
	if missing := brokers.MissingFile(); missing != "" {
		t.Errorf("missing %q", missing)
	}
	if connection.Ping(t.Context()) == nil {
		t.Error("it connects with the former password")
	}
	write(t, brokers.SASLPasswordFile, []byte("right\n"))
	if err := connection.Ping(t.Context()); err != nil {
		t.Errorf("it does not connect with what the files hold now: %v", err)
	}
}

func TestEverySettingThatIsWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		config kafka.Config
		flags  []string
	}{
		"nothing":                {kafka.Config{Brokers: " , "}, []string{"kafka-brokers"}},
		"no port, half a pair":   {kafka.Config{Brokers: "a:1,b", TLSKeyFile: "k"}, []string{"kafka-brokers", "kafka-tls-cert-file"}},
		"no such mechanism":      {kafka.Config{Brokers: "a:1", SASLMechanism: "GSSAPI"}, []string{"kafka-sasl-mechanism", "kafka-sasl-username", "kafka-sasl-password"}},
		"a user, no mechanism":   {kafka.Config{Brokers: "a:1", SASLUsername: "u"}, []string{"kafka-sasl-mechanism"}},
		"two places of password": {kafka.Config{Brokers: "a:1", SASLMechanism: "PLAIN", SASLUsername: "u", SASLPassword: "p", SASLPasswordFile: "f"}, []string{"kafka-sasl-password"}},
		"nothing wrong":          {kafka.Config{Brokers: "a:1, b:2", SASLMechanism: "PLAIN", SASLUsername: "u", SASLPassword: "p"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			if err := c.config.Validate(); err != nil {
				said = strings.Split(err.Error(), "\n")
			}
			if len(said) != len(c.flags) {
				t.Fatalf("said %q, want one line each of %q", said, c.flags)
			}
			for i, flag := range c.flags {
				if !strings.HasPrefix(said[i], "--"+flag+": ") {
					t.Errorf("line %q is not about --%s", said[i], flag)
				}
			}
		})
	}
}

// clientOf tries once: how long is tried is not what these tests are about.
func clientOf(t *testing.T, brokers kafka.Config) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(brokers.Options("test", slog.New(slog.DiscardHandler)), kgo.RequestRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
	text        []byte
}

// certificates are an authority, and a server's and a client's that it signed.
func certificates(t *testing.T) (a authority, server, client tls.Certificate) {
	t.Helper()
	sign := func(serial int64, isAuthority bool) (tls.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
			IsCA: isAuthority, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		parent, signer := template, key
		if !isAuthority {
			parent, signer = a.certificate, a.key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, key
	}
	root, key := sign(1, true)
	certificate, err := x509.ParseCertificate(root.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a = authority{certificate: certificate, key: key, pool: x509.NewCertPool(), text: pemOf("CERTIFICATE", root.Certificate[0])}
	a.pool.AddCert(certificate)
	server, _ = sign(2, false)
	client, _ = sign(3, false)
	return a, server, client
}

func keyOf(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
