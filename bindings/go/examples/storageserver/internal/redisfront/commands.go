package redisfront

import (
	"strings"

	"github.com/tidwall/redcon"

	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/store"
	"github.com/libkeyviz/libkeyviz/bindings/go/examples/storageserver/internal/traffic"
)

// command is one entry of the dispatch table.
type command struct {
	// arity is the number of arguments, the command's name included; a negative
	// one is the least number.
	arity int
	run   func(d *dispatcher, conn redcon.Conn, args [][]byte)
}

var commands = map[string]command{
	"ping":   {-1, (*dispatcher).ping},
	"get":    {2, (*dispatcher).get},
	"set":    {3, (*dispatcher).set},
	"del":    {-2, (*dispatcher).del},
	"exists": {-2, (*dispatcher).exists},
	"strlen": {2, (*dispatcher).strlen},
	"mget":   {-2, (*dispatcher).mget},
	"mset":   {-3, (*dispatcher).mset},
}

// dispatcher runs commands. Every command that names keys counts one access for
// each key that it names, also for a key that is named twice. A command that is
// refused (unknown, or with a wrong number of arguments) touches no key and
// counts nothing.
type dispatcher struct {
	store    *store.Space
	recorder traffic.Recorder
}

func (d *dispatcher) dispatch(conn redcon.Conn, cmd redcon.Command) {
	name := strings.ToLower(string(cmd.Args[0]))
	c, known := commands[name]
	if !known {
		conn.WriteError("ERR unknown command '" + printable(cmd.Args[0]) + "'")
		return
	}
	n := len(cmd.Args)
	if c.arity >= 0 && n != c.arity || c.arity < 0 && n < -c.arity {
		wrongArguments(conn, name)
		return
	}
	c.run(d, conn, cmd.Args[1:])
}

func (d *dispatcher) ping(conn redcon.Conn, args [][]byte) {
	switch len(args) {
	case 0:
		conn.WriteString("PONG")
	case 1:
		conn.WriteBulk(args[0])
	default:
		wrongArguments(conn, "ping")
	}
}

func (d *dispatcher) get(conn redcon.Conn, args [][]byte) {
	value, ok := d.store.Get(args[0])
	d.recorder.Read(args[0], len(value))
	if !ok {
		conn.WriteNull()
		return
	}
	conn.WriteBulk(value)
}

func (d *dispatcher) set(conn redcon.Conn, args [][]byte) {
	d.recorder.Write(args[0], len(args[1]))
	d.store.Set(store.Pair{Key: args[0], Value: args[1]})
	conn.WriteString("OK")
}

func (d *dispatcher) del(conn redcon.Conn, keys [][]byte) {
	for _, key := range keys {
		d.recorder.Write(key, 0)
	}
	conn.WriteInt(d.store.Delete(keys...))
}

// exists returns no value, so its reads count the key alone.
func (d *dispatcher) exists(conn redcon.Conn, keys [][]byte) {
	found := 0
	for i, value := range d.store.GetMany(keys) {
		d.recorder.Read(keys[i], 0)
		if value != nil {
			found++
		}
	}
	conn.WriteInt(found)
}

// strlen returns a number, not the value, so its read counts the key alone.
func (d *dispatcher) strlen(conn redcon.Conn, args [][]byte) {
	value, _ := d.store.Get(args[0])
	d.recorder.Read(args[0], 0)
	conn.WriteInt(len(value))
}

func (d *dispatcher) mget(conn redcon.Conn, keys [][]byte) {
	conn.WriteArray(len(keys))
	for i, value := range d.store.GetMany(keys) {
		d.recorder.Read(keys[i], len(value))
		if value == nil {
			conn.WriteNull()
			continue
		}
		conn.WriteBulk(value)
	}
}

func (d *dispatcher) mset(conn redcon.Conn, args [][]byte) {
	if len(args)%2 != 0 {
		wrongArguments(conn, "mset")
		return
	}
	pairs := make([]store.Pair, 0, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		d.recorder.Write(args[i], len(args[i+1]))
		pairs = append(pairs, store.Pair{Key: args[i], Value: args[i+1]})
	}
	d.store.Set(pairs...)
	conn.WriteString("OK")
}

func wrongArguments(conn redcon.Conn, name string) {
	conn.WriteError("ERR wrong number of arguments for '" + name + "' command")
}

// printable makes a client's bytes safe to repeat in an error, which is one line.
func printable(b []byte) string {
	const longest = 64
	b = b[:min(len(b), longest)]
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, string(b))
}
