// Command grant plays the Redpanda operator's part on another Kafka-protocol cluster: it reads rendered User resources
// and makes each user, with exactly the rights that the chart asks for. A user's password is its name.
//
//	helm template … --show-only templates/redpanda.yaml | go run ./grant -brokers HOST:PORT -ca FILE
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"sigs.k8s.io/yaml"
)

type user struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Authorization struct{ ACLs []right }
	}
}

type right struct {
	Resource   struct{ Type, Name, PatternType string }
	Operations []string
}

func main() {
	brokers := flag.String("brokers", "", "brokers of the listener with SASL, HOST:PORT,…")
	ca := flag.String("ca", "", "PEM file of their authority")
	flag.Parse()
	if err := run(context.Background(), *brokers, *ca); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, brokers, ca string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(scram.Auth{User: "admin", Pass: "admin"}.AsSha512Mechanism()))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	users, err := read(os.Stdin)
	if err != nil {
		return err
	}
	for _, u := range users {
		if err := grant(ctx, admin, u); err != nil {
			return fmt.Errorf("grant %s its rights: %w", u.Metadata.Name, err)
		}
		fmt.Println("granted", u.Metadata.Name)
	}
	return nil
}

func read(in io.Reader) ([]user, error) {
	text, err := io.ReadAll(bufio.NewReader(in))
	if err != nil {
		return nil, err
	}
	var users []user
	for _, document := range strings.Split(string(text), "\n---\n") {
		var u user
		if err := yaml.Unmarshal([]byte(document), &u); err != nil {
			return nil, err
		}
		if u.Kind == "User" {
			users = append(users, u)
		}
	}
	if len(users) == 0 {
		return nil, errors.New("no User in the manifests")
	}
	return users, nil
}

func grant(ctx context.Context, admin *kadm.Client, u user) error {
	name := u.Metadata.Name
	made, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: name, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: name}})
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		return err
	}
	for _, r := range u.Spec.Authorization.ACLs {
		b := kadm.NewACLs().Allow("User:" + name).AllowHosts()
		if r.Resource.PatternType == "prefixed" {
			b.ResourcePatternType(kadm.ACLPatternPrefixed)
		} else {
			b.ResourcePatternType(kadm.ACLPatternLiteral)
		}
		switch r.Resource.Type {
		case "topic":
			b.Topics(r.Resource.Name)
		case "group":
			b.Groups(r.Resource.Name)
		case "transactionalId":
			b.TransactionalIDs(r.Resource.Name)
		case "cluster":
			b.Clusters()
		default:
			return fmt.Errorf("unknown resource type %q", r.Resource.Type)
		}
		for _, operation := range r.Operations {
			parsed, err := kmsg.ParseACLOperation(strings.ToUpper(operation))
			if err != nil {
				return err
			}
			b.Operations(parsed)
			results, err := admin.CreateACLs(ctx, b)
			if err != nil {
				return err
			}
			for _, result := range results {
				if result.Err != nil {
					return result.Err
				}
			}
		}
	}
	return nil
}
