package sqsfront_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/sqsfront"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// start gives a client of a node that has the queue "jobs".
func start(t *testing.T) (client *sqs.Client, queue *string, stop func() traffic.ByLabel) {
	t.Helper()
	addrs, stop := nodetest.Start(t)
	client = sqs.NewFromConfig(nodetest.AWSConfig(t, addrs.SQS))
	output, err := client.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	return client, output.QueueUrl, stop
}

func send(t *testing.T, client *sqs.Client, queue *string, body string) {
	t.Helper()
	// The client compares the answer's MD5 with its own.
	if _, err := client.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: queue, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, client *sqs.Client, input sqs.ReceiveMessageInput) []types.Message {
	t.Helper()
	output, err := client.ReceiveMessage(context.Background(), &input)
	if err != nil {
		t.Fatal(err)
	}
	return output.Messages
}

func TestEachMessageOfARealClientCountsOnce(t *testing.T) {
	client, queue, stop := start(t)
	ctx := context.Background()
	var want traffic.Counters
	const name = len("jobs")

	if got := receive(t, client, sqs.ReceiveMessageInput{QueueUrl: queue}); len(got) != 0 {
		t.Errorf("received %v", got)
	}
	want.AddRead(name, 0)
	send(t, client, queue, "höhe <&>")
	want.AddWrite(name, len("höhe <&>"))
	sent, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("1"), MessageBody: aws.String("one")},
		{Id: aws.String("2"), MessageBody: aws.String("")},
		{Id: aws.String("3"), MessageBody: aws.String("three")},
	}})
	if err != nil || len(sent.Successful) != 2 || len(sent.Failed) != 1 || *sent.Failed[0].Id != "2" {
		t.Errorf("batch: %+v, %v", sent, err)
	}
	want.AddWrite(name, len("one"))
	want.AddWrite(name, len("three"))

	got := receive(t, client, sqs.ReceiveMessageInput{
		QueueUrl: queue, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	var bodies []string
	for _, message := range got {
		bodies = append(bodies, *message.Body)
		want.AddRead(name, len(*message.Body))
		if message.Attributes["ApproximateReceiveCount"] != "1" || message.Attributes["SentTimestamp"] == "" {
			t.Errorf("attributes %v", message.Attributes)
		}
	}
	if fmt.Sprint(bodies) != "[höhe <&> one three]" {
		t.Fatalf("received %q", bodies)
	}
	if again := receive(t, client, sqs.ReceiveMessageInput{QueueUrl: queue}); len(again) != 0 {
		t.Errorf("received again: %v", again)
	}
	want.AddRead(name, 0)

	if _, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0}); err != nil {
		t.Error(err)
	}
	want.AddWrite(name, 0)
	again := receive(t, client, sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10})
	if len(again) != 1 || *again[0].MessageId != *got[0].MessageId {
		t.Fatalf("received again: %v", again)
	}
	want.AddRead(name, len(*again[0].Body))
	for range 2 { // a message that is gone is no error
		if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: again[0].ReceiptHandle}); err != nil {
			t.Error(err)
		}
		want.AddWrite(name, 0)
	}
	deleted, err := client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: got[1].ReceiptHandle},
		{Id: aws.String("b"), ReceiptHandle: aws.String("none")},
		{Id: aws.String("c"), ReceiptHandle: got[2].ReceiptHandle},
	}})
	if err != nil || len(deleted.Successful) != 2 || len(deleted.Failed) != 1 || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("batch: %+v, %v", deleted, err)
	}
	want.AddWrite(name, 0)
	want.AddWrite(name, 0)
	nodetest.Expect(t, stop(), keyviz.LabelSQS, want)
}

func TestAReceiveWaitsForAMessage(t *testing.T) {
	client, queue, stop := start(t)
	received := make(chan []types.Message, 1)
	go func() {
		output, _ := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: 20})
		received <- output.Messages
	}()
	time.Sleep(50 * time.Millisecond)
	send(t, client, queue, "awaited")
	if got := <-received; len(got) != 1 || *got[0].Body != "awaited" {
		t.Errorf("received %v", got)
	}
	want := traffic.Counters{Reads: 1, ReadBytes: 4 + 7, Writes: 1, WriteBytes: 4 + 7}
	nodetest.Expect(t, stop(), keyviz.LabelSQS, want)
}

func TestAReceiveThatWaitsEndsWithTheServer(t *testing.T) {
	client, queue, stop := start(t)
	received := make(chan error, 1)
	go func() {
		_, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: 20})
		received <- err
	}()
	time.Sleep(50 * time.Millisecond)
	sums := stop() // fails if it takes long
	if err := <-received; err != nil {
		t.Error(err)
	}
	nodetest.Expect(t, sums, keyviz.LabelSQS, traffic.Counters{Reads: 1, ReadBytes: 4})
}

func TestQueuesAreFoundByNameAndPrefix(t *testing.T) {
	client, queue, stop := start(t)
	ctx := context.Background()
	again, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil || *again.QueueUrl != *queue {
		t.Errorf("created again: %+v, %v", again, err)
	}
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("jobs")})
	if err != nil || *found.QueueUrl != *queue {
		t.Errorf("by name: %+v, %v", found, err)
	}
	for prefix, want := range map[string]int{"": 1, "jo": 1, "x": 0} {
		if listed, err := client.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: &prefix}); err != nil || len(listed.QueueUrls) != want {
			t.Errorf("%q: %+v, %v", prefix, listed, err)
		}
	}
	nodetest.Expect(t, stop(), keyviz.LabelSQS, traffic.Counters{})
}

func TestRefusedOperationsHaveSQSsErrorsAndCountNothing(t *testing.T) {
	client, queue, stop := start(t)
	ctx := context.Background()
	create := func(name string, attributes map[string]string) error {
		_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		return err
	}
	sendTo := func(queue *string, body string, delay int32) error {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: &body, DelaySeconds: delay})
		return err
	}
	receiveWith := func(input sqs.ReceiveMessageInput) error {
		input.QueueUrl = queue
		_, err := client.ReceiveMessage(ctx, &input)
		return err
	}
	sendBatch := func(body string, ids ...string) error {
		entries := []types.SendMessageBatchRequestEntry{}
		for _, id := range ids {
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: &body})
		}
		_, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries})
		return err
	}
	_, noQueue := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("nothing")})
	_, noHandle := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: aws.String("x")})
	_, notInFlight := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: aws.String("YS8x"), VisibilityTimeout: 1})
	_, attributes := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
		"a": {DataType: aws.String("String"), StringValue: aws.String("b")},
	}})
	_, purge := client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: queue})
	const old = "AWS.SimpleQueueService."
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"a queue that isn't there":       {noQueue, old + "NonExistentQueue"},
		"a message for no queue":         {sendTo(aws.String("http://127.0.0.1/000000000000/nothing"), "x", 0), old + "NonExistentQueue"},
		"a queue with a bad name":        {create("a b", nil), "InvalidParameterValue"},
		"a FIFO queue":                   {create("jobs.fifo", nil), old + "UnsupportedOperation"},
		"a queue that is another":        {create("jobs", map[string]string{"VisibilityTimeout": "1"}), "QueueAlreadyExists"},
		"an attribute that isn't there":  {create("other", map[string]string{"KmsMasterKeyId": "1"}), old + "UnsupportedOperation"},
		"an attribute of a bad value":    {create("other", map[string]string{"VisibilityTimeout": "long"}), "InvalidAttributeValue"},
		"an empty message":               {sendTo(queue, "", 0), "MissingParameter"},
		"too long a message":             {sendTo(queue, strings.Repeat("x", sqsfront.MaxMessageBytes+1), 0), "InvalidParameterValue"},
		"a message that is no text":      {sendTo(queue, "a\x00b", 0), "InvalidMessageContents"},
		"too long a delay":               {sendTo(queue, "x", 901), "InvalidParameterValue"},
		"message attributes":             {attributes, old + "UnsupportedOperation"},
		"an empty batch":                 {sendBatch("x"), old + "EmptyBatchRequest"},
		"a batch of too many":            {sendBatch("x", strings.Split("abcdefghijk", "")...), old + "TooManyEntriesInBatchRequest"},
		"a batch that is too long":       {sendBatch(strings.Repeat("x", sqsfront.MaxMessageBytes/2+1), "a", "b"), old + "BatchRequestTooLong"},
		"a batch with one id twice":      {sendBatch("x", "a", "b", "a"), old + "BatchEntryIdsNotDistinct"},
		"a batch with a bad id":          {sendBatch("x", "a b"), old + "InvalidBatchEntryId"},
		"too many messages":              {receiveWith(sqs.ReceiveMessageInput{MaxNumberOfMessages: 11}), "InvalidParameterValue"},
		"too long a wait":                {receiveWith(sqs.ReceiveMessageInput{WaitTimeSeconds: 21}), "InvalidParameterValue"},
		"too long a time to be hidden":   {receiveWith(sqs.ReceiveMessageInput{VisibilityTimeout: 43201}), "InvalidParameterValue"},
		"a handle that is none":          {noHandle, "ReceiptHandleIsInvalid"},
		"a message that wasn't received": {notInFlight, old + "MessageNotInflight"},
		"another operation":              {purge, "UnknownOperationException"},
	} {
		var refusal smithy.APIError
		if !errors.As(c.err, &refusal) || refusal.ErrorCode() != c.code {
			t.Errorf("%s: %v; want %s", name, c.err, c.code)
		}
	}
	var missing *types.QueueDoesNotExist
	if !errors.As(noQueue, &missing) {
		t.Errorf("a missing queue: %v", noQueue)
	}
	nodetest.Expect(t, stop(), keyviz.LabelSQS, traffic.Counters{})
}
