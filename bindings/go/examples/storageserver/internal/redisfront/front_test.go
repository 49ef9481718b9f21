package redisfront_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/nodetest"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

func TestEachKeyAccessOfARealClientCountsOnce(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	ctx := context.Background()
	// The client's defaults, with its HELLO, CLIENT SETINFO and the like.
	client := redis.NewClient(&redis.Options{Addr: addrs.Redis})
	defer client.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	must(client.Ping(ctx).Err())                                                 // no key
	must(client.Set(ctx, "alpha", "12345", 0).Err())                             // write 5+5
	must(client.MSet(ctx, "a", "1", "bb", "", "a", "333").Err())                 // writes 1+1, 2+0, 1+3
	if v, err := client.Get(ctx, "alpha").Result(); err != nil || v != "12345" { // read 5+5
		t.Errorf("GET alpha = %q, %v", v, err)
	}
	if _, err := client.Get(ctx, "none").Result(); err != redis.Nil { // read 4+0
		t.Errorf("GET of an absent key: %v", err)
	}
	values, err := client.MGet(ctx, "a", "bb", "none", "a").Result() // reads 1+3, 2+0, 4+0, 1+3
	if want := "[333  <nil> 333]"; err != nil || fmt.Sprint(values) != want {
		t.Errorf("MGET = %v, %v; want %s", values, err, want)
	}
	if n, err := client.StrLen(ctx, "alpha").Result(); err != nil || n != 5 { // read 5+0
		t.Errorf("STRLEN = %d, %v", n, err)
	}
	if n, err := client.Exists(ctx, "bb", "none", "bb").Result(); err != nil || n != 2 { // reads 2, 4, 2
		t.Errorf("EXISTS = %d, %v", n, err)
	}
	if n, err := client.Del(ctx, "alpha", "none").Result(); err != nil || n != 1 { // writes 5, 4
		t.Errorf("DEL = %d, %v", n, err)
	}
	if n, err := client.Exists(ctx, "alpha").Result(); err != nil || n != 0 { // read 5
		t.Errorf("EXISTS after DEL = %d, %v", n, err)
	}

	nodetest.Expect(t, stop(), keyviz.LabelRedis, traffic.Counters{
		Reads: 11, ReadBytes: 10 + 4 + 4 + 2 + 4 + 4 + 5 + 2 + 4 + 2 + 5,
		Writes: 6, WriteBytes: 10 + 2 + 2 + 4 + 5 + 4,
	})
}

func TestPipelinedCommandsCount(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: addrs.Redis})
	defer client.Close()
	const commands = 500
	_, err := client.Pipelined(context.Background(), func(p redis.Pipeliner) error {
		for i := range commands {
			p.Set(context.Background(), fmt.Sprintf("key-%04d", i), "value", 0)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	nodetest.Expect(t, stop(), keyviz.LabelRedis, traffic.Counters{Writes: commands, WriteBytes: commands * (8 + 5)})
}

func TestBinaryKeysAndValuesPassUnchanged(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: addrs.Redis})
	defer client.Close()
	key, value := "k\x00\r\n\xff", "v\r\n\x00"
	if err := client.Set(context.Background(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Get(context.Background(), key).Result(); err != nil || got != value {
		t.Errorf("GET = %q, %v; want %q", got, err, value)
	}
	nodetest.Expect(t, stop(), keyviz.LabelRedis, traffic.Counters{Reads: 1, ReadBytes: 9, Writes: 1, WriteBytes: 9})
}

func TestRefusedCommandsCountNothing(t *testing.T) {
	addrs, stop := nodetest.Start(t)
	for _, c := range []struct{ send, answer string }{
		{"GET", "-ERR wrong number of arguments for 'get' command"},
		{"GET a b", "-ERR wrong number of arguments for 'get' command"},
		{"SET a", "-ERR wrong number of arguments for 'set' command"},
		{"SET a b EX 10", "-ERR wrong number of arguments for 'set' command"},
		{"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
		{"PING a b", "-ERR wrong number of arguments for 'ping' command"},
		{"FLUSHALL", "-ERR unknown command 'FLUSHALL'"},
		{"*2\r\n$5\r\nno\r\nx\r\n$1\r\na", "-ERR unknown command 'no??x'"},
		{"*0", "-ERR Protocol error: invalid multibulk length"},
	} {
		conn, err := net.Dial("tcp", addrs.Redis)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "%s\r\n", c.send)
		answer, err := bufio.NewReader(conn).ReadString('\n')
		if strings.TrimRight(answer, "\r\n") != c.answer {
			t.Errorf("%q: answer %q, %v; want %q", c.send, answer, err, c.answer)
		}
		conn.Close()
	}
	nodetest.Expect(t, stop(), keyviz.LabelRedis, traffic.Counters{})
}
