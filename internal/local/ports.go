package local

import (
	"encoding/json"
	"fmt"
	"os"
)

// rememberedPorts are kept from one run to the next, so that what was copied out of the env
// file stays good.
type rememberedPorts struct {
	Etcd      int `json:"etcd"`
	APIServer int `json:"apiServer"`
	Postgres  int `json:"postgres,omitempty"`
	Kafka     int `json:"kafka,omitempty"`
	Redis     int `json:"redis,omitempty"`
}

func (o Options) portsFile() string { return o.path("ports.json") }

// lastPorts are the ports of the run before, also where somebody else has taken them since.
func (o Options) lastPorts() rememberedPorts {
	var ports rememberedPorts
	data, err := os.ReadFile(o.portsFile())
	if err != nil || json.Unmarshal(data, &ports) != nil {
		return rememberedPorts{}
	}
	return ports
}

// free keeps the ports that nobody has taken; the others become 0, for any free one.
func (p rememberedPorts) free() rememberedPorts {
	for _, port := range []*int{&p.Etcd, &p.APIServer, &p.Postgres, &p.Kafka, &p.Redis} {
		if portIsFree(*port) != nil {
			*port = 0
		}
	}
	return p
}

func (o Options) rememberPorts(ports rememberedPorts) error {
	data, err := json.Marshal(ports)
	if err != nil {
		return fmt.Errorf("remember the ports: %w", err)
	}
	if err := os.WriteFile(o.portsFile(), data, 0o600); err != nil {
		return fmt.Errorf("remember the ports: %w", err)
	}
	return nil
}
