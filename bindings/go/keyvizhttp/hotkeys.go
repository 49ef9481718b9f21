package keyvizhttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

const (
	// maxHotKeysBytes is more than the longest answer: 256 keys of 4096 bytes, in base64.
	maxHotKeysBytes = 4 << 20
	// defaultTop is how many keys an answer has, if the question doesn't say.
	defaultTop = 20
)

func (h *Handler) serveHotKeys(w http.ResponseWriter, r *http.Request) {
	if h.isOff() {
		disabled(w)
		return
	}
	query, err := keyviz.ParseHotKeysQuery(r.URL.RawQuery)
	if err == nil {
		var reply *keyviz.HotKeys
		if isOfPeer(r) || len(h.peers) == 0 {
			reply, err = h.options.Sampler.HotKeys(query)
		} else {
			reply, err = h.hotKeysOfCluster(r, query)
		}
		if err == nil {
			var body []byte
			body, err = reply.JSON()
			reply.Close()
			if err == nil {
				send(w, http.StatusOK, "application/json", body)
				return
			}
		}
	}
	switch {
	case r.Context().Err() != nil: // Nobody waits any more.
	case errors.Is(err, keyviz.ErrDisabled):
		disabled(w)
	case errors.Is(err, keyviz.ErrHotKeysOff):
		fail(w, http.StatusServiceUnavailable, "hotkeys_disabled", "hot keys are off on this node")
	case errors.Is(err, keyviz.ErrInvalidArgument):
		fail(w, http.StatusBadRequest, "invalid_query", err.Error())
	case errors.Is(err, keyviz.ErrOutOfSnapshotWindow):
		fail(w, http.StatusBadRequest, "out_of_snapshot_window", "the newest snapshot is not of that time")
	case errors.Is(err, keyviz.ErrNoSnapshot):
		fail(w, http.StatusNotFound, "no_snapshot", "there is no snapshot of the route's hot keys under this label and series")
	default:
		fail(w, http.StatusInternalServerError, "internal", err.Error())
	}
}

// hotKeysOfCluster merges this node's hot keys with those of its peers: all that each has, and cut only then.
func (h *Handler) hotKeysOfCluster(r *http.Request, query keyviz.HotKeysQuery) (*keyviz.HotKeys, error) {
	top := query.Top
	if top == 0 {
		top = defaultTop
	}
	query.Top = keyviz.MaxHotKeysPerRoute
	own, ownErr := h.options.Sampler.HotKeys(query)
	if ownErr != nil && !hasNone(ownErr) {
		return nil, ownErr
	}
	defer own.Close()

	parameters := asked(r, "route_id", "label", "sub_bucket", "series", "from_unix_ms", "to_unix_ms")
	parameters.Set("top", strconv.Itoa(keyviz.MaxHotKeysPerRoute))
	questions, err := h.questions(r, func(p *peer) *url.URL { return p.hotKeys }, parameters)
	if err != nil {
		return nil, err
	}
	answers := make([]toldHotKeys, len(h.peers))
	var asking sync.WaitGroup
	for i, question := range questions {
		asking.Add(1)
		go func() {
			defer asking.Done()
			answers[i] = h.askForHotKeys(r.Context(), h.peers[i], question)
		}()
	}
	asking.Wait()

	sources := []keyviz.HotKeysSource{{Node: h.options.Node, HotKeys: own}}
	elsewhen := errors.Is(ownErr, keyviz.ErrOutOfSnapshotWindow)
	answered := h.newRoll()
	reference := own
	for i, one := range answers {
		defer one.reply.Close()
		peer := h.peers[i]
		source := keyviz.HotKeysSource{HotKeys: one.reply, Err: one.err}
		if one.err == nil || hasNone(one.err) {
			var counts bool
			counts, source.Err = answered.enters(one.node, one.instance)
			if !counts && source.Err == nil {
				continue // This node, which asked itself.
			}
			elsewhen = elsewhen || counts && errors.Is(one.err, keyviz.ErrOutOfSnapshotWindow)
			if counts && !(isAbout(one.reply, query) && canMerge(reference, one.reply)) {
				source.Err = errors.New("it answered another question")
			}
		}
		if source.Err != nil {
			source.Node, source.HotKeys, source.Err = h.nameOf(peer), nil, errors.New(shortened(source.Err.Error()))
		} else {
			source.Node = cmp.Or(one.node, peer.name)
			if reference == nil {
				reference = one.reply
			}
		}
		sources = append(sources, source)
	}
	merged, err := keyviz.MergeHotKeys(sources, top)
	if errors.Is(err, keyviz.ErrNoSnapshot) && elsewhen {
		err = keyviz.ErrOutOfSnapshotWindow
	}
	return merged, err
}

// hasNone tells whether an error says that a node has nothing to add, rather than that it failed.
func hasNone(err error) bool {
	return errors.Is(err, keyviz.ErrNoSnapshot) || errors.Is(err, keyviz.ErrOutOfSnapshotWindow)
}

// canMerge tells whether two replies, if there are two, are to one question: one that isn't must not spoil the rest.
func canMerge(one, other *keyviz.HotKeys) bool {
	if one == nil || other == nil {
		return true
	}
	both, err := keyviz.MergeHotKeys([]keyviz.HotKeysSource{{Node: "one", HotKeys: one}, {Node: "other", HotKeys: other}}, 1)
	both.Close()
	return err == nil
}

// isAbout tells whether a reply, if there is one, is to this question. (Where labels are off, or one is not known here, it
// says that it is of the legacy label; canMerge tells more.)
func isAbout(reply *keyviz.HotKeys, query keyviz.HotKeysQuery) bool {
	if reply == nil {
		return true
	}
	info := reply.Info()
	return info.RouteID == query.RouteID && info.Series == query.Series && info.InSubBucket == query.InSubBucket &&
		info.SubBucket == query.SubBucket && (info.Label == query.Label || info.Label == keyviz.LabelLegacy)
}

// toldHotKeys is a peer's answer. The node is who it says it is; "": it doesn't.
type toldHotKeys struct {
	node, instance string
	reply          *keyviz.HotKeys
	err            error
}

// askForHotKeys asks a peer for all the hot keys that it has.
func (h *Handler) askForHotKeys(ctx context.Context, peer *peer, question *http.Request) (told toldHotKeys) {
	most := min(h.options.MaxPeerBytes, maxHotKeysBytes)
	answer, err := h.ask(ctx, peer, question, most, nil)
	if err != nil {
		return toldHotKeys{err: err}
	}
	told.node, told.instance = answer.node, answer.instance
	if answer.status != http.StatusOK {
		var failure struct{ Code string }
		_ = json.Unmarshal(answer.body, &failure)
		switch failure.Code {
		case "no_snapshot":
			told.err = keyviz.ErrNoSnapshot
		case "out_of_snapshot_window":
			told.err = keyviz.ErrOutOfSnapshotWindow
		default:
			told.err = answer.failure()
		}
		return told
	}
	told.reply, told.err = keyviz.ParseHotKeysJSON(answer.body, most)
	if told.err == nil && asksPeers(answer.body) {
		told.reply.Close()
		told.reply, told.err = nil, errors.New("it asked its own peers, whose traffic would count twice")
	}
	return told
}

// asksPeers tells whether an answer is of a whole cluster.
func asksPeers(body []byte) bool {
	var told struct{ Fanout json.RawMessage }
	return json.Unmarshal(body, &told) == nil && len(told.Fanout) > 0 && !strings.EqualFold(string(told.Fanout), "null")
}
