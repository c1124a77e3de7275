// Package kubetest gives tests a real API server with the KafkaTopic definition installed.
//
//	KUBEBUILDER_ASSETS        folder with etcd and kube-apiserver (go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use -p path)
//	OPENORDER_TEST_REQUIRE    set: a test that lacks them fails instead of being skipped
package kubetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// startTimeout is for machines that do a lot else; envtest's own is 20 s.
const startTimeout = time.Minute

var server struct {
	sync.Mutex
	env    *envtest.Environment
	config *rest.Config
	failed error
}

// Main runs a package's tests and stops the API server that they shared. Use it as the body of TestMain.
func Main(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	code := m.Run()
	if server.env != nil {
		if err := server.env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}
	os.Exit(code)
}

// APIServer is the settings of one who may do everything on the package's API server, which starts on first use.
func APIServer(t testing.TB) *rest.Config {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.config == nil {
		need(t)
		server.env = &envtest.Environment{
			CRDDirectoryPaths:        []string{Definitions()},
			ErrorIfCRDPathMissing:    true,
			ControlPlaneStartTimeout: startTimeout,
			DownloadBinaryAssets:     false,
			AttachControlPlaneOutput: false,
		}
		if server.failed != nil {
			t.Fatal(server.failed)
		}
		config, err := server.env.Start()
		if err != nil {
			server.failed = errors.Join(fmt.Errorf("start an API server: %w", err), server.env.Stop())
			t.Fatal(server.failed)
		}
		config.QPS = -1
		server.config = config
	}
	return rest.CopyConfig(server.config)
}

// need skips the test where there is no API server to start, or fails it where nothing may be missing.
func need(t testing.TB) {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") != "" {
		return
	}
	if os.Getenv("OPENORDER_TEST_REQUIRE") != "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set, and OPENORDER_TEST_REQUIRE is: this test needs a Kubernetes API server")
	}
	t.Skip("needs a Kubernetes API server: set KUBEBUILDER_ASSETS (see services/topic/README.md, Tests)")
}

// Definitions is the folder of the generated CustomResourceDefinition.
func Definitions() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "config", "crd")
}

// Scheme knows Kubernetes' own types and KafkaTopic.
func Scheme(t testing.TB) *kruntime.Scheme {
	t.Helper()
	scheme := kruntime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return scheme
}

// Client reads and writes without a cache, on the package's API server.
func Client(t testing.TB) client.WithWatch {
	t.Helper()
	return ClientOf(t, APIServer(t))
}

// ClientOf is Client on any API server.
func ClientOf(t testing.TB, config *rest.Config) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(config, client.Options{Scheme: Scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Namespace makes a namespace of the test's own.
func Namespace(t testing.TB) string {
	t.Helper()
	return NamespaceOf(t, Client(t))
}

// NamespaceOf is Namespace on any API server.
func NamespaceOf(t testing.TB, api client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := api.Create(context.Background(), namespace); err != nil {
		t.Fatal(fmt.Errorf("make a namespace: %w", err))
	}
	return namespace.Name
}

// Install brings an API server's definitions to those of a folder.
func Install(t testing.TB, config *rest.Config, definitions string) {
	t.Helper()
	if _, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{Paths: []string{definitions}, ErrorIfPathMissing: true}); err != nil {
		t.Fatal(fmt.Errorf("install the definitions: %w", err))
	}
}
