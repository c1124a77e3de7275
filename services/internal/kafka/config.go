package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Config says how to reach the brokers. Every file is read again for each new connection, so that a renewed certificate
// or a changed password takes effect by itself, and one that does not exist yet is waited for.
type Config struct {
	Brokers          string
	TLSCAFile        string
	TLSCertFile      string
	TLSKeyFile       string
	SASLMechanism    string
	SASLUsername     string
	SASLPassword     string
	SASLPasswordFile string

	// Dial connects to a broker in place of the network: a test's own. Nil: the network, with TLS where it is switched on.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `json:"-"`
}

// AddFlags registers the flags.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&c.Brokers, "kafka-brokers", "127.0.0.1:9092", "`HOST:PORT,...` of brokers to start from ($KAFKA_BROKERS).")
	f.StringVar(&c.TLSCAFile, "kafka-tls-ca-file", "", "PEM `FILE` of the authorities that sign the brokers' certificates; switches TLS on ($KAFKA_TLS_CA_FILE).")
	f.StringVar(&c.TLSCertFile, "kafka-tls-cert-file", "", "PEM `FILE` of the client's certificate, with its key in --kafka-tls-key-file ($KAFKA_TLS_CERT_FILE).")
	f.StringVar(&c.TLSKeyFile, "kafka-tls-key-file", "", "PEM `FILE` of the client certificate's key ($KAFKA_TLS_KEY_FILE).")
	f.StringVar(&c.SASLMechanism, "kafka-sasl-mechanism", "", "SASL `MECHANISM`: SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN ($KAFKA_SASL_MECHANISM).")
	f.StringVar(&c.SASLUsername, "kafka-sasl-username", "", "User `NAME` for SASL ($KAFKA_SASL_USERNAME).")
	f.StringVar(&c.SASLPassword, "kafka-sasl-password", "", "`PASSWORD` for SASL ($KAFKA_SASL_PASSWORD).")
	f.StringVar(&c.SASLPasswordFile, "kafka-sasl-password-file", "", "`FILE` that holds the password for SASL, in place of --kafka-sasl-password ($KAFKA_SASL_PASSWORD_FILE).")
}

// Validate reports everything that is wrong, each with its flag.
func (c Config) Validate() error {
	var errs []error
	refuse := func(flag, format string, args ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, args...)))
	}
	for _, broker := range c.seeds() {
		if _, _, err := net.SplitHostPort(broker); err != nil {
			refuse("kafka-brokers", "%q is not HOST:PORT", broker)
		}
	}
	if len(c.seeds()) == 0 {
		refuse("kafka-brokers", "names no broker")
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		refuse("kafka-tls-cert-file", "goes with --kafka-tls-key-file: give both or neither")
	}
	if !slices.Contains([]string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, c.SASLMechanism) {
		refuse("kafka-sasl-mechanism", "%q is none of SCRAM-SHA-256, SCRAM-SHA-512, PLAIN", c.SASLMechanism)
	}
	if c.SASLMechanism != "" && c.SASLUsername == "" {
		refuse("kafka-sasl-username", "is needed with --kafka-sasl-mechanism")
	}
	if c.SASLMechanism == "" && (c.SASLUsername != "" || c.SASLPassword != "" || c.SASLPasswordFile != "") {
		refuse("kafka-sasl-mechanism", "is needed with a user name or password")
	}
	if c.SASLMechanism != "" && (c.SASLPassword == "") == (c.SASLPasswordFile == "") {
		refuse("kafka-sasl-password", "give either it or --kafka-sasl-password-file")
	}
	return errors.Join(errs...)
}

// seeds are the brokers to start from.
func (c Config) seeds() []string {
	var seeds []string
	for seed := range strings.SplitSeq(c.Brokers, ",") {
		if seed = strings.TrimSpace(seed); seed != "" {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// Options are the client options for these settings; add what the client is for. It reads no file and dials nothing.
func (c Config) Options(clientID string, log *slog.Logger) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.seeds()...),
		kgo.ClientID(clientID),
		kgo.SoftwareNameAndVersion("openorder", "1"),
		kgo.WithLogger(newClientLog(log)),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.Dialer(c.dialer()),
	}
	if c.SASLMechanism != "" {
		opts = append(opts, kgo.SASL(c.sasl()))
	}
	return opts
}

func (c Config) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial
	}
	return c.dial
}

func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if c.TLSCAFile == "" && c.TLSCertFile == "" {
		return dialer.DialContext(ctx, network, address)
	}
	settings, err := c.tls()
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{NetDialer: dialer, Config: settings}).DialContext(ctx, network, address)
}

func (c Config) tls() (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLSCAFile != "" {
		pem, err := os.ReadFile(c.TLSCAFile)
		if err != nil {
			return nil, fmt.Errorf("read the brokers' authorities: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the brokers' authorities: %s holds no PEM certificate", c.TLSCAFile)
		}
	}
	if c.TLSCertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCertFile, c.TLSKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}

func (c Config) sasl() sasl.Mechanism {
	switch c.SASLMechanism {
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			password, err := c.password()
			return plain.Auth{User: c.SASLUsername, Pass: password}, err
		})
	case "SCRAM-SHA-256":
		return scram.Sha256(c.scram)
	default:
		return scram.Sha512(c.scram)
	}
}

func (c Config) scram(context.Context) (scram.Auth, error) {
	password, err := c.password()
	return scram.Auth{User: c.SASLUsername, Pass: password}, err
}

func (c Config) password() (string, error) {
	if c.SASLPasswordFile == "" {
		return c.SASLPassword, nil
	}
	text, err := os.ReadFile(c.SASLPasswordFile)
	if err != nil {
		return "", fmt.Errorf("read the SASL password: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// Explain adds to the error of a tool, for whom somebody waits, what to do where no broker was reached or it refused the login.
// Any other error it returns as it is.
func (c Config) Explain(err error) error {
	operation, isNetwork := errors.AsType[*net.OpError](err)
	switch {
	case isNetwork && operation.Op == "dial":
		return c.Unreachable(err)
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("%w; check --kafka-sasl-username and its password", err)
	}
	return err
}

// Unreachable says where no broker answers, and what to look at.
func (c Config) Unreachable(err error) error {
	return fmt.Errorf("no broker answers at %s: %w; check that it runs, and --kafka-brokers (KAFKA_BROKERS)", c.Brokers, err)
}

// MissingFile names the first file of these settings that does not exist yet.
func (c Config) MissingFile() string {
	for _, path := range []string{c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile, c.SASLPasswordFile} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return path
		}
	}
	return ""
}
