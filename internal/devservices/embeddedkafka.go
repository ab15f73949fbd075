package devservices

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// EmbeddedKafkaOptions say how the embedded broker is run.
type EmbeddedKafkaOptions struct {
	// Dir keeps its records, topics and consumer groups.
	Dir string
	// Port is a loopback port; a free one when 0.
	Port int
}

// EmbeddedKafka speaks Kafka's protocol from within this process. It needs no Java, and is for
// trying things out: it neither replicates nor survives a power cut.
type EmbeddedKafka struct {
	cluster *kfake.Cluster
	port    int
}

// StartEmbeddedKafka runs the embedded broker. It serves when this returns.
func StartEmbeddedKafka(o EmbeddedKafkaOptions) (*EmbeddedKafka, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the embedded Kafka: %w", err)
	}
	for fixed := o.Port != 0; ; {
		if !fixed {
			port, err := devcluster.FreePort()
			if err != nil {
				return nil, err
			}
			o.Port = port
		}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(o.Port), kfake.DataDir(o.Dir), kfake.ClusterID("orderplane"))
		if err == nil {
			return &EmbeddedKafka{cluster: cluster, port: o.Port}, nil
		}
		if fixed || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("start the embedded Kafka on port %d with its data in %s: %w", o.Port, o.Dir, err)
		}
	}
}

// Port is the loopback port.
func (k *EmbeddedKafka) Port() int { return k.port }

// Bootstrap is the broker's address, as clients take it.
func (k *EmbeddedKafka) Bootstrap() string { return address(k.port) }

// Stop ends the broker once its data is on disk.
func (k *EmbeddedKafka) Stop() { k.cluster.Close() }
