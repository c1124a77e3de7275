package cluster

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func secret(name string, keys ...string) *corev1.Secret {
	data := map[string][]byte{}
	for _, key := range keys {
		data[key] = []byte("kept")
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Data: data}
}

func TestSecretsAreMadeOnceWithFreshPasswords(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	command := Secrets{
		Namespace: "shop", Labels: map[string]string{"app.kubernetes.io/instance": "openorder"},
		Kafka:    []string{"order-kafka=order-service"},
		Database: []string{"order-db=postgres://order@pg-rw.shop.svc:5432/orders?sslmode=verify-full"},
	}
	if err := command.Run(t.Context(), client, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	kafka, err := client.CoreV1().Secrets("shop").Get(t.Context(), "order-kafka", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if kafka.StringData["username"] != "order-service" || len(kafka.StringData["password"]) < 20 || kafka.Labels["app.kubernetes.io/instance"] != "openorder" {
		t.Errorf("got %v %v", kafka.Labels, kafka.StringData)
	}
	database, err := client.CoreV1().Secrets("shop").Get(t.Context(), "order-db", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database.StringData["uri"])
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	got := []string{u.User.Username(), password, u.Host, u.Path, u.RawQuery, string(database.Type)}
	want := []string{"order", database.StringData["password"], "pg-rw.shop.svc:5432", "/orders", "sslmode=verify-full", "kubernetes.io/basic-auth"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if password == kafka.StringData["password"] {
		t.Error("two Secrets share a password")
	}
}

func TestSecretsThatExistAreLeftAlone(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(secret("order-kafka", "username", "password"), secret("half", "username"))
	var out bytes.Buffer
	err := (&Secrets{Namespace: "shop", Kafka: []string{"half=somebody", "order-kafka=order-service", "new=somebody"}}).Run(t.Context(), client, &out)
	if err == nil || !strings.Contains(err.Error(), "found the Secret half without password") {
		t.Errorf("got %v", err)
	}
	want := "Secret order-kafka is there already, left as it is\nSecret new made\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	kept, _ := client.CoreV1().Secrets("shop").Get(t.Context(), "order-kafka", metav1.GetOptions{})
	if diff := cmp.Diff(secret("order-kafka", "username", "password").Data, kept.Data); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsRefuseWhatTheyCannotRead(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]Secrets{
		"a Kafka user without a Secret":     {Kafka: []string{"order-service"}},
		"a database URL without a user":     {Database: []string{"db=postgres://pg:5432/orders"}},
		"a database Secret without its URL": {Database: []string{"db"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command.Namespace = "shop"
			if command.Validate() == nil {
				t.Error("accepted")
			}
			client := fake.NewClientset()
			if err := command.Run(t.Context(), client, &bytes.Buffer{}); err == nil {
				t.Error("run")
			}
			if n := len(client.Actions()); n != 0 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}
