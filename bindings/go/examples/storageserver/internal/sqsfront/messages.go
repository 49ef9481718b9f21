package sqsfront

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/awsjson"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
)

const (
	// MaxMessageBytes is the longest body of a message, in bytes.
	MaxMessageBytes = 1 << 20
	maxBatch        = 10
	maxDelay        = 900   // seconds
	maxVisibility   = 43200 // seconds
	maxWait         = 20    // seconds
)

var batchID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`)

type sendMessage struct {
	QueueUrl     string
	MessageBody  *string
	DelaySeconds int
}

type sent struct {
	ID               string `json:"Id,omitempty"` // in a batch
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string
}

func (d *dispatcher) sendMessage(_ *http.Request, in *sendMessage) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkMessage(in.MessageBody, in.DelaySeconds); err != nil {
		return nil, err
	}
	return d.send(name, q, *in.MessageBody, in.DelaySeconds), nil
}

func checkMessage(body *string, delay int) error {
	switch {
	case body == nil || *body == "":
		return refusal("MissingParameter", "The request must contain the parameter MessageBody.")
	case len(*body) > MaxMessageBytes:
		return badValue("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", MaxMessageBytes)
	case strings.ContainsFunc(*body, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}):
		return refusal("InvalidMessageContents", "The message contains characters outside the allowed set.")
	case delay < 0 || delay > maxDelay:
		return badValue("Value %d for parameter DelaySeconds is invalid. Reason: must be between 0 and %d.", delay, maxDelay)
	}
	return nil
}

func (d *dispatcher) send(name string, q *queue, body string, delay int) sent {
	d.recorder.Write([]byte(name), len(body))
	id := newMessageID()
	d.store.Set(store.Pair{Key: storeKey(name, id), Value: []byte(body)})
	q.send(id, seconds(delay), time.Now())
	return sent{MessageID: id, MD5OfMessageBody: md5Of(body)}
}

// Results of a batch: an entry is in one of the two.
type batchAnswer struct {
	Successful []any    `json:",omitempty"`
	Failed     []failed `json:",omitempty"`
}

type failed struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

func (b *batchAnswer) fail(id string, err error) {
	reason := err.(*awsjson.Error)
	b.Failed = append(b.Failed, failed{ID: id, Code: reason.Code, Message: reason.Message, SenderFault: true})
}

func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return refusalAs("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(ids) > maxBatch:
		return refusalAs("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	}
	for _, id := range ids {
		if !batchID.MatchString(id) {
			return refusalAs("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) < len(ids) {
		return refusalAs("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
	}
	return nil
}

func idsOf[E any](entries []E, id func(E) string) []string {
	ids := make([]string, len(entries))
	for i, entry := range entries {
		ids[i] = id(entry)
	}
	return ids
}

type sendEntry struct {
	ID           string `json:"Id"`
	MessageBody  *string
	DelaySeconds int
}

type sendMessageBatch struct {
	QueueUrl string
	Entries  []sendEntry
}

func (d *dispatcher) sendMessageBatch(_ *http.Request, in *sendMessageBatch) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(idsOf(in.Entries, func(e sendEntry) string { return e.ID })); err != nil {
		return nil, err
	}
	total := 0
	for _, entry := range in.Entries {
		if entry.MessageBody != nil {
			total += len(*entry.MessageBody)
		}
	}
	if total > MaxMessageBytes {
		return nil, refusalAs("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", fmt.Sprintf("Batch requests cannot be longer than %d bytes.", MaxMessageBytes))
	}
	var answer batchAnswer
	for _, entry := range in.Entries {
		if err := checkMessage(entry.MessageBody, entry.DelaySeconds); err != nil {
			answer.fail(entry.ID, err)
			continue
		}
		one := d.send(name, q, *entry.MessageBody, entry.DelaySeconds)
		one.ID = entry.ID
		answer.Successful = append(answer.Successful, one)
	}
	return answer, nil
}

type receiveMessage struct {
	QueueUrl                    string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string // no message has any
}

type receivedMessage struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	MD5OfBody     string
	Attributes    map[string]string `json:",omitempty"`
}

func (d *dispatcher) receiveMessage(r *http.Request, in *receiveMessage) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	most, visibility := 1, q.visibility
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		if err := checkVisibility(*in.VisibilityTimeout); err != nil {
			return nil, err
		}
		visibility = seconds(*in.VisibilityTimeout)
	}
	switch {
	case most < 1 || most > maxBatch:
		return nil, badValue("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.", most, maxBatch)
	case in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > maxWait:
		return nil, badValue("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.", in.WaitTimeSeconds, maxWait)
	}
	receipts := d.wait(r, q, most, visibility, seconds(in.WaitTimeSeconds))
	asked := append(in.AttributeNames, in.MessageSystemAttributeNames...)
	messages := make([]receivedMessage, 0, len(receipts))
	for _, receipt := range receipts {
		data, ok := d.store.Get(storeKey(name, receipt.id))
		if !ok {
			continue // deleted just now
		}
		d.recorder.Read([]byte(name), len(data))
		body := string(data)
		messages = append(messages, receivedMessage{
			MessageID: receipt.id, ReceiptHandle: receipt.handle, Body: body, MD5OfBody: md5Of(body),
			Attributes: receipt.attributes(asked),
		})
	}
	if len(messages) == 0 {
		d.recorder.Read([]byte(name), 0)
		return struct{}{}, nil
	}
	return map[string]any{"Messages": messages}, nil
}

// wait receives, and waits for a message where there is none, until the time is
// up, the client is gone or the server stops.
func (d *dispatcher) wait(r *http.Request, q *queue, most int, visibility, wait time.Duration) []receipt {
	deadline := time.Now().Add(wait)
	for {
		now := time.Now()
		receipts, next, changed := q.receive(most, visibility, now)
		if len(receipts) > 0 || !now.Before(deadline) {
			return receipts
		}
		if next.IsZero() || next.After(deadline) {
			next = deadline
		}
		select {
		case <-changed:
		case <-time.After(time.Until(next)):
		case <-r.Context().Done():
			return nil
		case <-d.stopping:
			return nil
		}
	}
}

func (r receipt) attributes(asked []string) map[string]string {
	all := map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(r.received),
		"SentTimestamp":           strconv.FormatInt(r.sent.UnixMilli(), 10),
	}
	if slices.Contains(asked, "All") {
		return all
	}
	some := make(map[string]string)
	for _, name := range asked {
		if value, ok := all[name]; ok {
			some[name] = value
		}
	}
	return some
}

type deleteMessage struct{ QueueUrl, ReceiptHandle string }

func (d *dispatcher) deleteMessage(_ *http.Request, in *deleteMessage) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, d.delete(name, q, in.ReceiptHandle)
}

// delete counts a write, also where the message is gone or was received again:
// both are no error.
func (d *dispatcher) delete(name string, q *queue, handle string) error {
	id, received, err := parseHandle(handle)
	if err != nil {
		return err
	}
	d.recorder.Write([]byte(name), 0)
	if q.remove(id, received) {
		d.store.Delete(storeKey(name, id))
	}
	return nil
}

type deleteEntry struct {
	ID            string `json:"Id"`
	ReceiptHandle string
}

type deleteMessageBatch struct {
	QueueUrl string
	Entries  []deleteEntry
}

func (d *dispatcher) deleteMessageBatch(_ *http.Request, in *deleteMessageBatch) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(idsOf(in.Entries, func(e deleteEntry) string { return e.ID })); err != nil {
		return nil, err
	}
	var answer batchAnswer
	for _, entry := range in.Entries {
		if err := d.delete(name, q, entry.ReceiptHandle); err != nil {
			answer.fail(entry.ID, err)
			continue
		}
		answer.Successful = append(answer.Successful, map[string]string{"Id": entry.ID})
	}
	return answer, nil
}

type changeMessageVisibility struct {
	QueueUrl, ReceiptHandle string
	VisibilityTimeout       *int
}

func (d *dispatcher) changeMessageVisibility(_ *http.Request, in *changeMessageVisibility) (any, error) {
	name, q, err := d.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	id, received, err := parseHandle(in.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	if in.VisibilityTimeout == nil {
		return nil, refusal("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
	}
	if err := checkVisibility(*in.VisibilityTimeout); err != nil {
		return nil, err
	}
	if !q.changeVisibility(id, received, seconds(*in.VisibilityTimeout), time.Now()) {
		return nil, refusalAs("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight.")
	}
	d.recorder.Write([]byte(name), 0)
	return struct{}{}, nil
}

func checkVisibility(timeout int) error {
	if timeout < 0 || timeout > maxVisibility {
		return badValue("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d.", timeout, maxVisibility)
	}
	return nil
}

// makeHandle makes a receipt handle: what it names is nobody's business.
func makeHandle(id string, received int) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%s/%d", id, received))
}

func parseHandle(handle string) (id string, received int, err error) {
	if text, wrong := base64.URLEncoding.DecodeString(handle); wrong == nil {
		id, count, ok := strings.Cut(string(text), "/")
		if received, wrong := strconv.Atoi(count); ok && id != "" && wrong == nil {
			return id, received, nil
		}
	}
	return "", 0, refusal("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
