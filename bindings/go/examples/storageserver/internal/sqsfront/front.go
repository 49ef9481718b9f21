// Package sqsfront is the SQS front end: standard queues, and messages to send,
// receive and delete, one by one or in batches, over the JSON protocol. It checks
// no signature. Message attributes and FIFO queues are refused.
package sqsfront

import (
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/awsjson"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/httpserver"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

const (
	account           = "000000000000"
	defaultVisibility = 30 // seconds
	// maxBodyBytes leaves room for what JSON adds to the longest message.
	maxBodyBytes = 6*MaxMessageBytes + 64<<10
	maxListed    = 1000

	unsupportedCode      = "UnsupportedOperation"
	unsupportedQueryCode = "AWS.SimpleQueueService.UnsupportedOperation"
)

var queueName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

// New prepares a front end on listener, which it owns from here on.
func New(listener net.Listener, s *store.Space, recorder traffic.Recorder) *httpserver.Front {
	d := &dispatcher{store: s, recorder: recorder, queues: make(map[string]*queue), stopping: make(chan struct{})}
	f := httpserver.New(listener, &awsjson.Service{
		Target:    "AmazonSQS.",
		Namespace: "com.amazonaws.sqs#",
		MaxBody:   maxBodyBytes,

		Unsupported: awsjson.Error{Code: unsupportedCode, QueryCode: unsupportedQueryCode},
		Operations: map[string]awsjson.Operation{
			"CreateQueue":             awsjson.Op(d.createQueue),
			"GetQueueUrl":             awsjson.Op(d.getQueueURL),
			"ListQueues":              awsjson.Op(d.listQueues),
			"SendMessage":             awsjson.Op(d.sendMessage),
			"SendMessageBatch":        awsjson.Op(d.sendMessageBatch),
			"ReceiveMessage":          awsjson.Op(d.receiveMessage),
			"DeleteMessage":           awsjson.Op(d.deleteMessage),
			"DeleteMessageBatch":      awsjson.Op(d.deleteMessageBatch),
			"ChangeMessageVisibility": awsjson.Op(d.changeMessageVisibility),
		},
	})
	f.OnShutdown(func() { close(d.stopping) })
	return f
}

// dispatcher runs operations. One on messages counts an access for each message,
// under the queue's name: a heatmap of the queues is what tells something, and a
// message is only ever in one place. A refused operation counts nothing, and
// neither do those on queues.
type dispatcher struct {
	store    *store.Space // bodies of messages
	recorder traffic.Recorder
	stopping chan struct{}

	mu     sync.RWMutex
	queues map[string]*queue
}

func storeKey(queue, messageID string) []byte {
	return []byte(queue + "/" + messageID)
}

// find returns the queue that a URL names in its last part.
func (d *dispatcher) find(url string) (name string, q *queue, err error) {
	name = url[strings.LastIndexByte(url, '/')+1:]
	q, err = d.named(name)
	return name, q, err
}

func (d *dispatcher) named(name string) (*queue, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	q := d.queues[name]
	if q == nil {
		return nil, refusalAs("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	}
	return q, nil
}

type createQueue struct {
	QueueName  string
	Attributes map[string]string
}

func (d *dispatcher) createQueue(r *http.Request, in *createQueue) (any, error) {
	if strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, unsupported("FIFO queues")
	}
	if !queueName.MatchString(in.QueueName) {
		return nil, badValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	visibility := defaultVisibility
	for name, value := range in.Attributes {
		if name != "VisibilityTimeout" {
			return nil, unsupported("the attribute " + name)
		}
		n, err := strconv.Atoi(value)
		if err != nil || checkVisibility(n) != nil {
			return nil, refusal("InvalidAttributeValue", fmt.Sprintf("Invalid value for the parameter VisibilityTimeout: it must be 0 to %d.", maxVisibility))
		}
		visibility = n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.queues[in.QueueName]; q == nil {
		d.queues[in.QueueName] = newQueue(seconds(visibility))
	} else if q.visibility != seconds(visibility) {
		return nil, refusalAs("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute VisibilityTimeout")
	}
	return queueURL(r, in.QueueName), nil
}

type getQueueURL struct{ QueueName string }

func (d *dispatcher) getQueueURL(r *http.Request, in *getQueueURL) (any, error) {
	if _, err := d.named(in.QueueName); err != nil {
		return nil, err
	}
	return queueURL(r, in.QueueName), nil
}

type listQueues struct{ QueueNamePrefix string }

func (d *dispatcher) listQueues(r *http.Request, in *listQueues) (any, error) {
	d.mu.RLock()
	var urls []string
	for name := range d.queues {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			urls = append(urls, urlOf(r, name))
		}
	}
	d.mu.RUnlock()
	slices.Sort(urls)
	return map[string]any{"QueueUrls": urls[:min(len(urls), maxListed)]}, nil
}

func queueURL(r *http.Request, name string) any {
	return map[string]string{"QueueUrl": urlOf(r, name)}
}

func urlOf(r *http.Request, name string) string {
	return "http://" + r.Host + "/" + account + "/" + name
}

// refusalAs is an error with another code in SQS's older protocol.
func refusalAs(code, queryCode, message string) error {
	return &awsjson.Error{Code: code, QueryCode: queryCode, Message: message}
}

func refusal(code, message string) error { return refusalAs(code, code, message) }

func badValue(format string, arguments ...any) error {
	return refusal("InvalidParameterValue", fmt.Sprintf(format, arguments...))
}

// unsupported refuses what SQS has and this server doesn't.
func unsupported(what string) error {
	return refusalAs(unsupportedCode, unsupportedQueryCode, "This server does not support "+what+".")
}
