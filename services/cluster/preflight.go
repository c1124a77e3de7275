package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
)

// Preflight is `topic-controller preflight`: it reads rendered manifests and lists everything that they need and the
// cluster lacks, at once.
//
//	helm template openorder charts/openorder -f … --set checkCRDs=false | topic-controller preflight
type Preflight struct {
	File      string
	Namespace string
}

// AddFlags registers the flags.
func (p *Preflight) AddFlags(f *pflag.FlagSet) {
	f.StringVarP(&p.File, "filename", "f", "-", "`FILE` of rendered manifests; - is standard input.")
	f.StringVarP(&p.Namespace, "namespace", "n", "default", "`NAMESPACE` of resources that name none.")
}

// Validate implements cli.Settings: a file that there is not is told by whoever reads it.
func (p *Preflight) Validate() error { return nil }

// ErrMissing is what Run fails with when the cluster lacks something; the list was printed.
var ErrMissing = errors.New("the cluster lacks what these manifests need")

// Run prints a line for each thing that is missing, and what to do about it.
func (p *Preflight) Run(ctx context.Context, client kubernetes.Interface, in io.Reader, out io.Writer) error {
	if p.File != "-" {
		file, err := os.Open(p.File)
		if err != nil {
			return fmt.Errorf("read the manifests: %w", err)
		}
		defer file.Close()
		in = file
	}
	manifests, err := decode(in, p.Namespace)
	if err != nil {
		return err
	}
	mapper, err := served(client.Discovery())
	if err != nil {
		return err
	}
	missing := missingKinds(manifests, mapper)
	for _, look := range []func(context.Context, kubernetes.Interface, []manifest) ([]string, error){
		missingNamespaces, missingSecrets, missingStorage, missingExpansion, missingNodes,
	} {
		found, err := look(ctx, client, manifests)
		if err != nil {
			return err
		}
		missing = append(missing, found...)
	}
	if len(missing) == 0 {
		fmt.Fprintf(out, "Nothing is missing for these %d resources.\n", len(manifests))
		return nil
	}
	for _, line := range missing {
		fmt.Fprintln(out, "- "+line)
	}
	return ErrMissing
}

// served tells which kinds the cluster has. A broken aggregated API hides its own kinds only.
func served(client discovery.DiscoveryInterface) (meta.RESTMapper, error) {
	resources, err := restmapper.GetAPIGroupResources(client)
	if err != nil && len(resources) == 0 {
		return nil, fmt.Errorf("ask the API server what it serves: %w", err)
	}
	return restmapper.NewDiscoveryRESTMapper(resources), nil
}
