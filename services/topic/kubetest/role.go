package kubetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Controller is the settings of one who may do in a namespace, on the package's API server, what the generated roles allow,
// and nothing else.
func Controller(t testing.TB, namespace string) *rest.Config {
	t.Helper()
	name := "controller-" + namespace
	user, err := server.env.AddUser(envtest.User{Name: name}, APIServer(t))
	if err != nil {
		t.Fatal(fmt.Errorf("add a user: %w", err))
	}
	api := Client(t)
	for _, rules := range roles(t) {
		meta := metav1.ObjectMeta{Namespace: namespace, GenerateName: "controller-"}
		role := &rbacv1.Role{ObjectMeta: meta, Rules: rules}
		must(t, api.Create(context.Background(), role))
		must(t, api.Create(context.Background(), &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}))
	}
	return user.Config()
}

// roles are the rules of each generated role.
func roles(t testing.TB) (roles [][]rbacv1.PolicyRule) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Definitions(), "..", "rbac", "role.yaml"))
	must(t, err)
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var role rbacv1.Role // a ClusterRole has the same rules
		err := documents.Decode(&role)
		if err == io.EOF {
			return roles
		}
		must(t, err)
		roles = append(roles, role.Rules)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
