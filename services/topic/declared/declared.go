// Package declared is OpenOrder's own topics, as the manifests next to it declare them.
package declared

import (
	_ "embed"

	"github.com/openorder/openorder/services/topic/manifest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

//go:embed openorder.yaml
var manifests []byte

// Topics are the resources, the topic that orders arrive in first.
func Topics() ([]v1alpha1.KafkaTopic, error) {
	read, err := manifest.Parse("openorder.yaml", manifests)
	if err != nil {
		return nil, err
	}
	topics := make([]v1alpha1.KafkaTopic, len(read.Topics))
	for i, one := range read.Topics {
		topics[i] = one.Resource
	}
	return topics, nil
}
