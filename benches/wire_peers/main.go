// Reads and writes the JSON of a matrix as a host's own code would: encoding/json with structs.
//
//	go run benches/wire_peers/main.go FILE
//
// Prints the milliseconds of the fastest read and write.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"
)

type row struct {
	BucketID          string   `json:"bucket_id"`
	Label             string   `json:"label,omitempty"`
	Start             []byte   `json:"start"`
	End               []byte   `json:"end"`
	Aggregate         bool     `json:"aggregate"`
	RouteIDs          []uint64 `json:"route_ids,omitempty"`
	RouteIDsTruncated bool     `json:"route_ids_truncated,omitempty"`
	RouteCount        uint64   `json:"route_count"`
	Values            []uint64 `json:"values"`
	Conflict          bool     `json:"conflict,omitempty"`
	Conflicts         []bool   `json:"conflicts,omitempty"`
	RaftGroupIDs      []uint64 `json:"raft_group_ids,omitempty"`
	LeaderTerms       []uint64 `json:"leader_terms,omitempty"`
}

type matrix struct {
	ColumnUnixMs []int64   `json:"column_unix_ms"`
	Rows         []row     `json:"rows"`
	Series       string    `json:"series"`
	GeneratedAt  time.Time `json:"generated_at"`
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	in, out := math.Inf(1), math.Inf(1)
	for range 3 {
		var m matrix
		begin := time.Now()
		if err := json.Unmarshal(text, &m); err != nil {
			panic(err)
		}
		in = min(in, time.Since(begin).Seconds())
		begin = time.Now()
		if _, err := json.Marshal(&m); err != nil {
			panic(err)
		}
		out = min(out, time.Since(begin).Seconds())
	}
	fmt.Println(in*1e3, out*1e3)
}
