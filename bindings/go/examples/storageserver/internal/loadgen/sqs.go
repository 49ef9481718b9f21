package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

type sqsClient struct {
	client    *sqs.Client
	transport *http.Transport
	urls      map[string]*string // by queue; written by prepare only
}

func newSQSClient(addr string, workers int) client {
	cfg, transport := AWSConfig(addr, workers)
	return &sqsClient{client: sqs.NewFromConfig(cfg), transport: transport, urls: make(map[string]*string)}
}

func (c *sqsClient) label() keyviz.Label { return keyviz.LabelSQS }

func (c *sqsClient) prepare(ctx context.Context) error {
	names := []string{HotKey(SQSKind)}
	for i := range uint64(queues) {
		names = append(names, queueOf(i*golden, SQSKind))
	}
	for _, name := range names {
		output, err := c.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			return err
		}
		c.urls[name] = output.QueueUrl
	}
	return nil
}

func (c *sqsClient) close() error {
	c.transport.CloseIdleConnections()
	return nil
}

func (c *sqsClient) request(ctx context.Context, w *workload, t *Tally) error {
	queue := w.queue()
	if w.percent() < 70 {
		return c.send(ctx, w, t, queue)
	}
	return c.receive(ctx, t, queue)
}

func (c *sqsClient) send(ctx context.Context, w *workload, t *Tally, queue string) error {
	body := string(w.value()) + "." // an empty message is refused
	t.SentWrites++
	if _, err := c.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: c.urls[queue], MessageBody: &body}); err != nil {
		return err
	}
	t.Acknowledged.AddWrite(len(queue), len(body))
	return nil
}

// receive takes some messages and deletes them. What it takes is known only
// afterwards: each message is a read, and none is one of no bytes.
func (c *sqsClient) receive(ctx context.Context, t *Tally, queue string) error {
	output, err := c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: c.urls[queue], MaxNumberOfMessages: 10})
	if err != nil {
		t.SentReads++
		return err
	}
	t.SentReads += uint64(max(1, len(output.Messages)))
	if len(output.Messages) == 0 {
		t.Acknowledged.AddRead(len(queue), 0)
		return nil
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(output.Messages))
	for i, message := range output.Messages {
		t.Acknowledged.AddRead(len(queue), len(aws.ToString(message.Body)))
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle}
	}
	t.Requests++
	t.SentWrites += uint64(len(entries))
	deleted, err := c.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: c.urls[queue], Entries: entries})
	if err != nil {
		return err
	}
	if len(deleted.Failed) > 0 {
		return errors.New("a message that was received was not deleted")
	}
	for range entries {
		t.Acknowledged.AddWrite(len(queue), 0)
	}
	return nil
}
