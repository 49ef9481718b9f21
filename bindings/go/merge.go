package keyviz

import (
	"fmt"
	"time"
)

// MergeOptions say how the matrices of a cluster's nodes become one.
type MergeOptions struct {
	// Series that every source must be of.
	Series Series
	// ColumnTolerance: columns of different nodes that are at most so far apart are one column, since nodes don't flush
	// at the same instant. 0: half of the step, as the first source's columns show it; below 0: only those of equal times.
	ColumnTolerance time.Duration
	// NodesExpected are to answer; 0: as many as are added.
	NodesExpected int
	// Rows at most; 0 or below, or above [MaxMatrixRows]: that.
	Rows int
	Mode BudgetMode
}

// Merge makes one matrix of those of a cluster's nodes, one at a time: it holds about one matrix, however many are added.
//
// Reads add up. Writes are those of each group's leader: of what two nodes say for the same group and term the larger
// counts, and if they differ the cell is a conflict.
//
// Any goroutine may call its methods; they take turns.
type Merge struct {
	owner owner[mergeHandle]
}

// NewMerge begins a merge. [Merge.Finish] ends it. Errors: [ErrInvalidArgument], [ErrDisabled].
func NewMerge(options MergeOptions) (*Merge, error) { return newMerge(options) }

// Add adds a source, this node's own first. The matrix stays the caller's, and may be closed afterwards. It goes by its own
// name, or else by this one ("": unnamed). A node that was added before doesn't count again: then it is false.
//
// Errors: [ErrClosed], [ErrInvalidArgument] (another series, not UTF-8). Nothing changed then.
func (g *Merge) Add(m *Matrix, node string) (counted bool, err error) {
	err = g.use(func(merge mergeHandle) error {
		if !m.use(func(matrix matrixHandle) { counted, err = merge.add(matrix, node) }) {
			return fmt.Errorf("%w: there is no matrix", ErrClosed)
		}
		return err
	})
	return counted, err
}

// AddFailure adds a node that gave no matrix, with the reason. A node that is in already stays so.
//
// Errors: [ErrClosed], [ErrInvalidArgument] (not UTF-8).
func (g *Merge) AddFailure(node, reason string) error {
	return g.use(func(merge mergeHandle) error { return merge.addFailure(node, reason) })
}

// Finish gives the merged matrix, and closes the merge. Errors: [ErrClosed].
func (g *Merge) Finish() (merged *Matrix, err error) {
	err = g.use(func(merge mergeHandle) error {
		merged, err = merge.finish()
		return err
	})
	g.Close()
	return merged, err
}

// Close frees a merge that is not to be finished. Closing again does nothing.
func (g *Merge) Close() {
	if g != nil {
		g.owner.close()
	}
}

func (g *Merge) use(f func(mergeHandle) error) error {
	if g == nil {
		return fmt.Errorf("%w: there is no merge", ErrClosed)
	}
	h := g.owner.acquire()
	if h == nil {
		return fmt.Errorf("%w: the merge is finished", ErrClosed)
	}
	defer h.release()
	return f(h.thing)
}
