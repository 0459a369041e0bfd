// log_checker holds a published evidence log against Go's own transparency-log libraries.
//
//	log_checker FOLDER CASES.json
//
// It opens every checkpoint, checks every proof of the cases, and reads the folder's SHA-256 tiles and entry bundles
// in full. It prints how much it checked as JSON, or says what it refuses and ends with 1.
package main

import (
	"crypto"
	_ "crypto/sha3"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Cases is what the writer of the log claims. Checkpoints of one tree are referred to by their place.
type Cases struct {
	SHA256    Tree     `json:"sha256"`
	SHA3      Tree     `json:"sha3_256"`
	Cosigners []string `json:"cosigners"`
}

// Tree is one tree's key, checkpoints and proofs.
type Tree struct {
	Key         string        `json:"key"`
	Checkpoints []string      `json:"checkpoints"`
	Inclusion   []Inclusion   `json:"inclusion"`
	Consistency []Consistency `json:"consistency"`
}

// Inclusion says that an entry stands at an index under a checkpoint.
type Inclusion struct {
	Checkpoint int      `json:"checkpoint"`
	Index      uint64   `json:"index"`
	Entry      []byte   `json:"entry"`
	Path       [][]byte `json:"path"`
}

// Consistency says that one checkpoint's tree begins with another's.
type Consistency struct {
	Old  int      `json:"old"`
	New  int      `json:"new"`
	Path [][]byte `json:"path"`
}

// Counts is what was checked.
type Counts struct {
	Checkpoints  int `json:"checkpoints"`
	Cosignatures int `json:"cosignatures"`
	Inclusion    int `json:"inclusion"`
	Consistency  int `json:"consistency"`
	TileProofs   int `json:"tile_proofs"`
	Entries      int `json:"entries"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: log_checker FOLDER CASES.json")
		os.Exit(2)
	}
	counts, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(counts)
}

func check(folder, path string) (Counts, error) {
	var cases Cases
	var counts Counts
	content, err := os.ReadFile(path)
	if err != nil {
		return counts, err
	}
	if err := json.Unmarshal(content, &cases); err != nil {
		return counts, err
	}
	sha256, err := cases.SHA256.open(cases.Cosigners, &counts)
	if err != nil {
		return counts, fmt.Errorf("SHA-256 tree: %w", err)
	}
	sha3, err := cases.SHA3.open(nil, &counts)
	if err != nil {
		return counts, fmt.Errorf("SHA3-256 tree: %w", err)
	}
	if err := checkWithSumdb(cases.SHA256, sha256, &counts); err != nil {
		return counts, fmt.Errorf("SHA-256 tree: %w", err)
	}
	if err := checkWithMerkle(cases.SHA3, sha3, &counts); err != nil {
		return counts, fmt.Errorf("SHA3-256 tree: %w", err)
	}
	if len(sha256) > 0 {
		if err := checkTiles(folder, cases.SHA256, sha256, &counts); err != nil {
			return counts, fmt.Errorf("tiles: %w", err)
		}
	}
	return counts, nil
}

// open verifies the log's signature on every checkpoint, and on each those of all the cosigners.
func (tree Tree) open(cosigners []string, counts *Counts) ([]*log.Checkpoint, error) {
	if len(tree.Checkpoints) == 0 {
		return nil, nil
	}
	key, err := note.NewVerifier(tree.Key)
	if err != nil {
		return nil, err
	}
	var witnesses []note.Verifier
	for _, text := range cosigners {
		witness, err := fnote.NewVerifierForCosignatureV1(text)
		if err != nil {
			return nil, err
		}
		witnesses = append(witnesses, witness)
	}
	var found []*log.Checkpoint
	for _, text := range tree.Checkpoints {
		checkpoint, extra, opened, err := log.ParseCheckpoint([]byte(text), key.Name(), key, witnesses...)
		if err != nil {
			return nil, err
		}
		if len(extra) > 0 {
			return nil, fmt.Errorf("checkpoint of %d has extension lines", checkpoint.Size)
		}
		if len(opened.Sigs) != 1+len(witnesses) {
			return nil, fmt.Errorf("checkpoint of %d has %d known signatures, not %d", checkpoint.Size, len(opened.Sigs), 1+len(witnesses))
		}
		found = append(found, checkpoint)
		counts.Checkpoints++
		counts.Cosignatures += len(witnesses)
	}
	return found, nil
}

func checkWithSumdb(tree Tree, checkpoints []*log.Checkpoint, counts *Counts) error {
	for _, item := range tree.Inclusion {
		root := checkpoints[item.Checkpoint]
		path, err := hashes(item.Path)
		if err != nil {
			return err
		}
		err = tlog.CheckRecord(path, int64(root.Size), tlog.Hash(root.Hash), int64(item.Index), tlog.RecordHash(item.Entry))
		if err != nil {
			return fmt.Errorf("inclusion of %d in %d: %w", item.Index, root.Size, err)
		}
		counts.Inclusion++
	}
	for _, item := range tree.Consistency {
		older, newer := checkpoints[item.Old], checkpoints[item.New]
		path, err := hashes(item.Path)
		if err != nil {
			return err
		}
		err = tlog.CheckTree(path, int64(newer.Size), tlog.Hash(newer.Hash), int64(older.Size), tlog.Hash(older.Hash))
		if err != nil {
			return fmt.Errorf("consistency of %d with %d: %w", older.Size, newer.Size, err)
		}
		counts.Consistency++
	}
	return nil
}

func checkWithMerkle(tree Tree, checkpoints []*log.Checkpoint, counts *Counts) error {
	hasher := rfc6962.New(crypto.SHA3_256)
	for _, item := range tree.Inclusion {
		root := checkpoints[item.Checkpoint]
		err := proof.VerifyInclusion(hasher, item.Index, root.Size, hasher.HashLeaf(item.Entry), item.Path, root.Hash)
		if err != nil {
			return fmt.Errorf("inclusion of %d in %d: %w", item.Index, root.Size, err)
		}
		counts.Inclusion++
	}
	for _, item := range tree.Consistency {
		older, newer := checkpoints[item.Old], checkpoints[item.New]
		err := proof.VerifyConsistency(hasher, older.Size, newer.Size, item.Path, older.Hash, newer.Hash)
		if err != nil {
			return fmt.Errorf("consistency of %d with %d: %w", older.Size, newer.Size, err)
		}
		counts.Consistency++
	}
	return nil
}

// checkTiles reads the folder as Go's module proxy clients read theirs: every tile is authenticated against the newest
// checkpoint, every entry against its leaf hash, and every claimed proof is made again from the tiles.
func checkTiles(folder string, tree Tree, checkpoints []*log.Checkpoint, counts *Counts) error {
	newest := checkpoints[len(checkpoints)-1]
	size := int64(newest.Size)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: tlog.Hash(newest.Hash)}, tileFolder(folder))
	for _, item := range tree.Inclusion {
		made, err := tlog.ProveRecord(int64(checkpoints[item.Checkpoint].Size), int64(item.Index), reader)
		if err != nil {
			return err
		}
		if err := same(made, item.Path); err != nil {
			return fmt.Errorf("inclusion of %d: %w", item.Index, err)
		}
		counts.TileProofs++
	}
	for _, item := range tree.Consistency {
		made, err := tlog.ProveTree(int64(checkpoints[item.New].Size), int64(checkpoints[item.Old].Size), reader)
		if err != nil {
			return err
		}
		if err := same(made, item.Path); err != nil {
			return fmt.Errorf("consistency of %d: %w", checkpoints[item.Old].Size, err)
		}
		counts.TileProofs++
	}
	for first := int64(0); first < size; first += 256 {
		count := min(256, size-first)
		entries, err := readBundle(folder, first/256, count)
		if err != nil {
			return err
		}
		var places []int64
		for at := range count {
			places = append(places, tlog.StoredHashIndex(0, first+at))
		}
		leaves, err := reader.ReadHashes(places)
		if err != nil {
			return err
		}
		for at, entry := range entries {
			if tlog.RecordHash(entry) != leaves[at] {
				return fmt.Errorf("entry %d is not the leaf of its tile", first+int64(at))
			}
			counts.Entries++
		}
	}
	return nil
}

type tileFolder string

func (folder tileFolder) Height() int { return 8 }

func (folder tileFolder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		content, err := os.ReadFile(filepath.Join(string(folder), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		found = append(found, content)
	}
	return found, nil
}

func (folder tileFolder) SaveTiles([]tlog.Tile, [][]byte) {}

func readBundle(folder string, index, count int64) ([][]byte, error) {
	tile := tlog.Tile{H: 8, L: 0, N: index, W: int(count)}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	content, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(content) >= 2 {
		length := int(binary.BigEndian.Uint16(content))
		if len(content) < 2+length {
			break
		}
		entries = append(entries, content[2:2+length])
		content = content[2+length:]
	}
	if len(content) > 0 || int64(len(entries)) != count {
		return nil, fmt.Errorf("%s does not hold %d whole entries", path, count)
	}
	return entries, nil
}

func hashes(path [][]byte) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, item := range path {
		if len(item) != tlog.HashSize {
			return nil, fmt.Errorf("a hash of %d bytes", len(item))
		}
		found = append(found, tlog.Hash(item))
	}
	return found, nil
}

func same(made []tlog.Hash, claimed [][]byte) error {
	if len(made) != len(claimed) {
		return fmt.Errorf("the tiles make a proof of %d hashes, not %d", len(made), len(claimed))
	}
	for at, item := range made {
		if string(item[:]) != string(claimed[at]) {
			return fmt.Errorf("the tiles make another proof from hash %d on", at)
		}
	}
	return nil
}
