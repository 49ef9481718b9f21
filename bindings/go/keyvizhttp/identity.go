package keyvizhttp

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// fanoutHeader, in its canonical form, is on requests among nodes, and has the name of the one that asks.
	fanoutHeader = "X-Admin-Fanout-Peer"
	// nodeHeader and instanceHeader are on answers to such requests. They say which node answers: its name, and what no other
	// node has, also where two are called the same by mistake.
	nodeHeader     = "X-Keyviz-Node"
	instanceHeader = "X-Keyviz-Instance"
)

// isOfPeer tells whether another node asks.
func isOfPeer(r *http.Request) bool {
	_, ofPeer := r.Header[fanoutHeader]
	return ofPeer
}

func canStandInAHeader(name string) bool {
	return utf8.ValidString(name) && name == strings.TrimSpace(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// nameOf is what a peer that fails is called: as it called itself when it last answered, unless another one calls itself the
// same, which may have answered.
func (h *Handler) nameOf(failed *peer) string {
	said := failed.said.Load()
	if said == nil || *said == h.options.Node {
		return failed.name
	}
	for _, other := range h.peers {
		if name := other.said.Load(); other != failed && name != nil && *name == *said {
			return failed.name
		}
	}
	return *said
}

// roll tells who has answered a request.
type roll struct {
	node, instance   string
	names, instances map[string]bool
}

func (h *Handler) newRoll() *roll {
	return &roll{
		node: h.options.Node, instance: h.instance,
		names: map[string]bool{h.options.Node: true}, instances: map[string]bool{h.instance: true},
	}
}

// enters adds a node that answered. It doesn't count if it has before, which is an error unless it is the node that asks.
func (l *roll) enters(name, instance string) (counts bool, err error) {
	switch {
	case instance == l.instance, instance == "" && name != "" && name == l.node:
		return false, nil
	case instance != "" && l.instances[instance], name != "" && l.names[name]:
		return false, fmt.Errorf("it says that it is %s, which is in already", cmp.Or(name, "a node without a name"))
	}
	l.names[name], l.instances[instance] = true, true
	return true, nil
}
