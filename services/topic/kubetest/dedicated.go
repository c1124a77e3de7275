package kubetest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// Server is an API server of a test's own, which may be taken away and brought back.
type Server struct {
	t      testing.TB
	api    *envtest.APIServer
	Config *rest.Config
}

// Dedicated starts an API server of the test's own, with the definitions of a folder.
func Dedicated(t testing.TB, definitions string) *Server {
	t.Helper()
	need(t)
	env := &envtest.Environment{CRDDirectoryPaths: []string{definitions}, ErrorIfCRDPathMissing: true, ControlPlaneStartTimeout: startTimeout}
	api := env.ControlPlane.GetAPIServer()
	api.CertDir = t.TempDir()          // or certificates and users would go with its process
	api.StopTimeout = time.Millisecond // then it is killed: in an orderly way it waits for its clients for up to a minute
	config, err := env.Start()
	t.Cleanup(func() { _ = env.Stop() })
	if err != nil {
		t.Fatal(fmt.Errorf("start an API server: %w", err))
	}
	config.QPS = -1
	return &Server{t, api, config}
}

// Kill takes the API server away, as kill -9 does. What it stored stays.
func (s *Server) Kill() {
	s.t.Helper()
	_ = s.api.Stop() // that it did not stop in time is what it says
	address := net.JoinHostPort(s.api.SecureServing.Address, s.api.SecureServing.Port)
	testenv.Eventually(s.t, "nobody listens on "+address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// Start brings it back, on the same address and with the same users, and waits until it serves KafkaTopics.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.api.Start(); err != nil {
		s.t.Fatal(fmt.Errorf("start the API server again: %w", err))
	}
	api := ClientOf(s.t, s.Config)
	testenv.Eventually(s.t, "the API server serves KafkaTopics again", func() bool {
		var list v1alpha1.KafkaTopicList
		return api.List(context.Background(), &list, client.Limit(1)) == nil
	})
}

// Kubeconfig writes a file that lets a process do everything on an API server, and returns its path.
func Kubeconfig(t testing.TB, api *rest.Config) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: api.Host, CertificateAuthorityData: api.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: api.CertData, ClientKeyData: api.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}
