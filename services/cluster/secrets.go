// Package cluster is what an installation needs done in its Kubernetes cluster besides the charts: passwords made once,
// and a look at everything that a profile misses before it is installed.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Secrets is `topic-controller secrets`: it makes the password Secrets that are missing. A template cannot, for each
// rendering would change them.
type Secrets struct {
	Namespace string
	Labels    map[string]string
	Kafka     []string
	Database  []string
}

// AddFlags registers the flags.
func (s *Secrets) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&s.Namespace, "namespace", "", "`NAMESPACE` of the Secrets (required).")
	f.StringToStringVar(&s.Labels, "label", nil, "A label, `KEY=VALUE`, of the Secrets made; repeatable.")
	f.StringArrayVar(&s.Kafka, "kafka", nil, "`SECRET=USER` for a Secret with username and password of a Kafka user; repeatable.")
	f.StringArrayVar(&s.Database, "database", nil, "`SECRET=URL` for a Secret with username, password and uri (the URL, given without a password); repeatable.")
}

// Validate reports everything that is wrong, each with its flag.
func (s *Secrets) Validate() error {
	var needed error
	if s.Namespace == "" {
		needed = errors.New("--namespace: is needed")
	}
	_, err := s.wanted()
	return errors.Join(needed, err)
}

// Run makes what is missing. A Secret that exists is never changed: one that lacks a key is an error.
func (s *Secrets) Run(ctx context.Context, client kubernetes.Interface, out io.Writer) error {
	wanted, err := s.wanted()
	if err != nil {
		return err
	}
	var errs []error
	for _, secret := range wanted {
		made, err := ensure(ctx, client, secret)
		switch {
		case err != nil:
			errs = append(errs, err)
		case made:
			fmt.Fprintf(out, "Secret %s made\n", secret.Name)
		default:
			fmt.Fprintf(out, "Secret %s is there already, left as it is\n", secret.Name)
		}
	}
	return errors.Join(errs...)
}

// wanted are the Secrets as they would be made now, with fresh passwords.
func (s *Secrets) wanted() ([]*corev1.Secret, error) {
	var secrets []*corev1.Secret
	for _, pair := range s.Kafka {
		name, user, ok := strings.Cut(pair, "=")
		if !ok || name == "" || user == "" {
			return nil, fmt.Errorf("--kafka: %q is not SECRET=USER", pair)
		}
		secrets = append(secrets, s.secret(name, corev1.SecretTypeOpaque, map[string]string{"username": user, "password": rand.Text()}))
	}
	for _, pair := range s.Database {
		name, raw, ok := strings.Cut(pair, "=")
		u, err := url.Parse(raw)
		if !ok || name == "" || err != nil || u.User.Username() == "" || u.Host == "" {
			return nil, fmt.Errorf("--database: %q is not SECRET=postgres://USER@HOST:PORT/NAME", pair)
		}
		user, password := u.User.Username(), rand.Text()
		u.User = url.UserPassword(user, password)
		secret := s.secret(name, corev1.SecretTypeBasicAuth, map[string]string{"username": user, "password": password, "uri": u.String()})
		secret.Labels["cnpg.io/reload"] = "true" // CloudNativePG sets a changed password
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

func (s *Secrets) secret(name string, kind corev1.SecretType, data map[string]string) *corev1.Secret {
	labels := map[string]string{}
	maps.Copy(labels, s.Labels)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: s.Namespace, Labels: labels,
			Annotations: map[string]string{"helm.sh/resource-policy": "keep"},
		},
		Type:       kind,
		StringData: data,
	}
}

func ensure(ctx context.Context, client kubernetes.Interface, wanted *corev1.Secret) (made bool, err error) {
	api := client.CoreV1().Secrets(wanted.Namespace)
	found, err := api.Get(ctx, wanted.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		if _, err = api.Create(ctx, wanted, metav1.CreateOptions{}); err == nil {
			return true, nil
		}
		if apierrors.IsAlreadyExists(err) { // somebody was faster
			found, err = api.Get(ctx, wanted.Name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return false, fmt.Errorf("make Secret %s: %w", wanted.Name, err)
	}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(wanted.StringData)) {
		if len(found.Data[key]) == 0 {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return false, fmt.Errorf("found the Secret %s without %s: add it, or delete the Secret to have it made", wanted.Name, strings.Join(missing, ", "))
	}
	return false, nil
}
